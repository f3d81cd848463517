/**
 * Moves the files of dropped databases and policies to the trash: at start those that a crash left, later
 * those that another node dropped. Only what the metadata store itself says was dropped goes.
 */

import { CitadelError } from '../base/errors.ts';
import type { DataNode } from '../datanode/datanode.ts';
import type { Log, Timers } from '../env/env.ts';
import type { OpenCatalog } from '../metadata/catalog.ts';

/** After a look that failed. */
const retryMs = 5_000;

export class DropSweeper {
  readonly #catalog: OpenCatalog;
  readonly #dataNode: DataNode;
  readonly #env: { readonly log: Log; readonly timers: Timers };
  /** `<dbId>/<rpId>` of what is done. */
  readonly #done = new Set<string>();
  #sweep: Promise<void> | undefined;
  #isAskedAgain = false;
  #closed = false;

  constructor(
    catalog: OpenCatalog,
    dataNode: DataNode,
    env: { readonly log: Log; readonly timers: Timers },
  ) {
    this.#catalog = catalog;
    this.#dataNode = dataNode;
    this.#env = env;
  }

  /** Resolves when everything dropped by now has been looked at. */
  async run(): Promise<void> {
    if (this.#sweep !== undefined) {
      this.#isAskedAgain = true;
      return this.#sweep;
    }
    this.#sweep = this.#repeat();
    try {
      await this.#sweep;
    } finally {
      this.#sweep = undefined;
    }
  }

  close(): void {
    this.#closed = true;
  }

  async #repeat(): Promise<void> {
    do {
      this.#isAskedAgain = false;
      await this.#once();
    } while (this.#isAskedAgain && !this.#closed);
  }

  async #once(): Promise<void> {
    const { log, timers } = this.#env;
    try {
      for (const { dbId, rpId } of await this.#catalog.dropped()) {
        const name = `${dbId}/${rpId ?? ''}`;
        if (this.#closed || this.#done.has(name)) continue;
        await this.#dataNode.dropData(dbId, rpId);
        this.#done.add(name);
      }
    } catch (error) {
      if (!(error instanceof CitadelError)) throw error;
      log.warn('dropped data stays for now', { error: error.message });
      timers.after(retryMs, () => {
        if (!this.#closed) this.run().catch((failure) => log.error('cannot drop', { failure }));
      });
    }
  }
}
