/** What a data worker is built with. */

import type { Disk, Env } from '../../env/env.ts';
import type { FromWorker, WorkerStart } from './messages.ts';
import type { OpenStore } from './replica-store.ts';

export interface WorkerOptions {
  readonly env: Env;
  readonly disk: Disk;
  readonly start: WorkerStart;
  readonly openStore: OpenStore;
  /** Bytes held by the read cache. */
  readonly cacheBytes: () => number;
  readonly send: (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void;
  /** Everything is closed: the thread may end. */
  readonly onClosed: () => void;
}
