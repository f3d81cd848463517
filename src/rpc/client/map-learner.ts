/** Fetches the map of a node that has a newer one than we, once at a time per node. */

import type { RpcOptions } from '../contract.ts';
import { decodeMap } from '../wire/map-message.ts';
import { valuesOf } from '../wire/requests.ts';

type FetchMap = (node: string) => Promise<Buffer>;

export class MapLearner {
  readonly #options: RpcOptions;
  readonly #fetch: FetchMap;
  readonly #running = new Map<string, Promise<void>>();

  /** `fetch`: the node's answer to GetMap, within a deadline. */
  constructor(options: RpcOptions, fetch: FetchMap) {
    this.#options = options;
    this.#fetch = fetch;
  }

  /** Resolves when our map is not older than `version`, or could not be made so. Never rejects. */
  learn(node: string, version: number): Promise<void> {
    if (version <= this.#options.view.map.version) return Promise.resolve();
    let running = this.#running.get(node);
    if (running === undefined) {
      running = this.#load(node).finally(() => this.#running.delete(node));
      this.#running.set(node, running);
    }
    return running;
  }

  /** What runs now, if anything does. */
  settled(node: string): Promise<void> {
    return this.#running.get(node) ?? Promise.resolve();
  }

  async #load(node: string): Promise<void> {
    const { view, env } = this.#options;
    try {
      view.offer(decodeMap(valuesOf(await this.#fetch(node))));
    } catch (error) {
      // The watch, or the next answer, will bring it; a node that is asked goes on without.
      env.log.debug('rpc.map.not-learned', { node, error: String(error) });
    }
  }
}
