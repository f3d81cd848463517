/** Seeded randomness (mulberry32): the same seed gives the same run. */

import type { Rng } from '../env.ts';

export function createSimRng(seed: number): Rng {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    bytes: (size) => Uint8Array.from({ length: size }, () => Math.floor(next() * 256)),
  };
}

/** A whole number in [0, below). */
export function pickBelow(rng: Rng, below: number): number {
  return Math.floor(rng.next() * below);
}
