/** Planted `hints`: what peers have not answered is kept in memory and sent again; there is no catch-up by log. */

import type { PeerEntry, ReplicaMessage } from '../../src/replication/peer-message.ts';

const sentAtOnceMax = 50;

export class HintBox {
  readonly #hints = new Map<string, PeerEntry[]>();

  /** False: the message must not be sent. */
  takes(to: string, { body }: ReplicaMessage, isFilling: boolean): boolean {
    if (body.kind === 'pull' && body.prepare === 0 && !isFilling) return false;
    if (body.kind === 'push') this.#hints.set(to, [...(this.#hints.get(to) ?? []), body.entry]);
    return true;
  }

  answered(from: string, { body }: ReplicaMessage): void {
    if (!('standing' in body)) return;
    const { versions } = body.standing;
    const isLacking = ({ origin, sequence }: PeerEntry) => (versions[origin] ?? 0) < sequence;
    this.#hints.set(from, (this.#hints.get(from) ?? []).filter(isLacking));
  }

  sendAgain(send: (to: string, entry: PeerEntry) => void): void {
    for (const [to, entries] of this.#hints) {
      for (const entry of entries.slice(0, sentAtOnceMax)) send(to, entry);
    }
  }

  clear(): void {
    this.#hints.clear();
  }
}
