/**
 * Pushes that came before what they follow: kept until the gap is filled, or they would all have to be asked for again,
 * and while that answer is on its way the next ones come too early in turn: under a steady load the gap would never close.
 *
 * Nothing here counts for anything: what is dropped is pulled like any lost message.
 */

import type { PeerEntry } from './peer-message.ts';

const entriesMax = 256;
/** Of frames. */
const bytesMax = 4 * 1024 * 1024;

export interface HeldPush {
  readonly from: string;
  readonly entry: PeerEntry;
}

export class HeldPushes {
  /** By origin, then by sequence. */
  readonly #pushes = new Map<string, Map<number, HeldPush>>();
  #count = 0;
  #bytes = 0;

  get origins(): string[] {
    return [...this.#pushes.keys()];
  }

  /** Without room for it, it is as good as lost. */
  add(push: HeldPush): void {
    const { origin, sequence, frame } = push.entry;
    if (this.#count >= entriesMax || this.#bytes + frame.length > bytesMax) return;
    const known = this.#pushes.get(origin) ?? new Map<number, HeldPush>();
    if (known.has(sequence)) return;
    this.#pushes.set(origin, known.set(sequence, push));
    this.#count++;
    this.#bytes += frame.length;
  }

  /** The push that follows what is here, taken out; those before it are dropped. */
  takeNext(origin: string, have: number): HeldPush | undefined {
    const known = this.#pushes.get(origin);
    if (known === undefined) return undefined;
    for (const sequence of known.keys())
      if (sequence <= have) this.#remove(known, origin, sequence);
    const next = known.get(have + 1);
    if (next !== undefined) this.#remove(known, origin, have + 1);
    return next;
  }

  clear(): void {
    this.#pushes.clear();
    this.#count = 0;
    this.#bytes = 0;
  }

  #remove(known: Map<number, HeldPush>, origin: string, sequence: number): void {
    const push = known.get(sequence);
    if (push === undefined) return;
    known.delete(sequence);
    if (known.size === 0) this.#pushes.delete(origin);
    this.#count--;
    this.#bytes -= push.entry.frame.length;
  }
}
