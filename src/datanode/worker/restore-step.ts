/** What a worker is told of a section of a backup that comes in. */

import type { RestoredDatabase } from '../../model/store-backup.ts';

export type RestoreStep =
  | {
      readonly step: 'open';
      readonly session: string;
      readonly shard: number;
      readonly databases: readonly RestoredDatabase[];
    }
  | { readonly step: 'add'; readonly session: string; readonly piece: Uint8Array }
  /** Resolves when all of it is durable. */
  | { readonly step: 'finish'; readonly session: string };
