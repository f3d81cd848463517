/** What an import has to tell: refusals as they come (a limited number), progress, the totals. */

import { Progress } from '../../../client/progress.ts';
import type { CommandIo } from '../command-io.ts';
import type { Refusal } from './destination.ts';
import { renderCount, renderReading } from './meter.ts';

/** Refused lines that are shown one by one. */
const shownMax = 100;

export interface Totals {
  written: number;
  refused: number;
}

export class ImportReport {
  readonly totals: Totals;
  readonly #io: CommandIo;
  readonly #progress: Progress;
  #shown = 0;

  /** `before`: what earlier runs did. `readShare`: 0 to 1, undefined = nobody knows. */
  constructor(
    io: CommandIo,
    before: Totals,
    readShare: () => { readonly share: number | undefined; readonly before: number },
  ) {
    this.#io = io;
    this.totals = { written: before.written, refused: before.refused };
    const startMs = performance.now();
    this.#progress = new Progress(() => {
      const { share, before: shareBefore } = readShare();
      const { written, refused } = this.totals;
      return renderReading({
        points: written,
        share,
        elapsed: performance.now() - startMs,
        pointsBefore: before.written,
        shareBefore,
        isTerminal: io.isTerminal,
        rest: refused > 0 ? `${renderCount(refused)} refused` : '',
      });
    });
  }

  note(message: string): void {
    this.#progress.note(`citadel: ${message}`);
  }

  refuse({ place, reason, count }: Refusal): void {
    this.totals.refused += count;
    this.#shown += 1;
    if (this.#shown > shownMax) return;
    const many = count === 1 ? '' : `${renderCount(count)} points `;
    this.#progress.note(`${many}${place}: ${reason}`);
    if (this.#shown === shownMax) this.#progress.note('further ones are only counted');
  }

  /** The last words; returns the exit status of an import that came to its end. */
  finish(): number {
    this.#progress.stop();
    const { written, refused } = this.totals;
    this.#io.out(`written ${written} points, refused ${refused}\n`);
    return refused === 0 ? 0 : 1;
  }

  /** For one that did not. */
  leave(): void {
    this.#progress.stop();
    const { written, refused } = this.totals;
    this.#io.out(`so far written ${written} points, refused ${refused}\n`);
  }
}
