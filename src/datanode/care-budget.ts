/** How workers share what may be spent on looking after files, and what they did together. */

import type { CareCounts, CareRules } from './worker/care-rules.ts';

const none: CareRules = { scrubIntervalMs: 0, scrubBytesPerSecond: 1 };

/** `rules` undefined = files are not looked after. */
export function shareCare(rules: CareRules | undefined, workerCount: number): CareRules {
  const { scrubIntervalMs, scrubBytesPerSecond } = rules ?? none;
  return { scrubIntervalMs, scrubBytesPerSecond: scrubBytesPerSecond / workerCount };
}

export function sumCare(counts: readonly CareCounts[]): CareCounts {
  const sum = (read: (one: CareCounts) => number) =>
    counts.reduce((total, one) => total + read(one), 0);
  return {
    scrubbedBytes: sum(({ scrubbedBytes }) => scrubbedBytes),
    scrubRounds: Math.min(...counts.map(({ scrubRounds }) => scrubRounds)),
    damageFound: sum(({ damageFound }) => damageFound),
    damageHealed: sum(({ damageHealed }) => damageHealed),
  };
}
