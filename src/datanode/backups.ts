/** Backups of the shards on this node, on the main thread: what the workers say and take, by kind and shard. */

import type { BackupSection, ShardBackups } from '../model/store-backup.ts';
import { slotOf } from './slots.ts';
import type { WorkerLink } from './worker-link.ts';

export function createBackups(linkOf: (slot: number) => WorkerLink): ShardBackups {
  return {
    async sections(kind, shard) {
      const slot = slotOf(kind, shard);
      const { signal } = new AbortController();
      const found: BackupSection[] = [];
      for await (const block of linkOf(slot).stream([slot], { kind: 'backup-list' }, signal)) {
        if ('sections' in block) found.push(...block.sections);
      }
      return found;
    },
    async *section(kind, shard, name, signal) {
      const slot = slotOf(kind, shard);
      const request = { kind: 'backup-section', name } as const;
      for await (const block of linkOf(slot).stream([slot], request, signal)) {
        if ('piece' in block) yield block.piece;
      }
    },
    async openRestore(kind, shard, session, databases) {
      const slot = slotOf(kind, shard);
      const request = { step: 'open', session, shard: slot, databases } as const;
      await linkOf(slot).call({ kind: 'restore', request });
    },
    async addPiece(kind, shard, session, piece) {
      const request = { step: 'add', session, piece } as const;
      await linkOf(slotOf(kind, shard)).call({ kind: 'restore', request });
    },
    async finishRestore(kind, shard, session) {
      const request = { step: 'finish', session } as const;
      await linkOf(slotOf(kind, shard)).call({ kind: 'restore', request });
    },
  };
}
