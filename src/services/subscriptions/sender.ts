/**
 * Sends bodies to the destinations of one feed: to the only one, or of several to one in turn and, when it
 * fails, to the next. What is too large is cut; what is refused by content is counted and let go.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Clock } from '../../env/env.ts';
import type { Destination, Verdict } from './destination.ts';
import type { Lines } from './line-writer.ts';

/** Of a body: some 3 ms of formatting. InfluxDB takes 25 MB by default. */
const bodySize = { min: 1024, max: 256 * 1024 };

export interface SenderOptions {
  readonly env: { readonly clock: Clock };
  readonly destinations: readonly Destination[];
  /** Points that no destination will ever take. */
  readonly onRefused: (points: number, reason: string) => void;
}

/** Lines [from, until). */
function cutLines({ bytes, ends }: Lines, from: number, until: number): Lines {
  const start = from === 0 ? 0 : ends[from - 1]! + 1;
  const end = ends[until - 1]! + 1;
  const shifted = ends.slice(from, until).map((at) => at - start);
  return { bytes: bytes.subarray(start, end), ends: shifted };
}

export class Sender {
  readonly #options: SenderOptions;
  #next = 0;
  #bodySizeMax = bodySize.max;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get bodySizeMax(): number {
    return this.#bodySizeMax;
  }

  /** Monotonic ms: before that no destination is tried. */
  get notBeforeMs(): number {
    return Math.min(...this.#options.destinations.map(({ notBeforeMs }) => notBeforeMs));
  }

  /** Resolves when a destination has the lines, or all would refuse them. @throws CitadelError: come again, not before `notBeforeMs` */
  async send(lines: Lines, signal: AbortSignal): Promise<void> {
    const verdict = await this.#sendToOne(lines, signal);
    if (verdict.kind === 'delivered') return;
    const count = lines.ends.length;
    if (verdict.kind === 'refused' || count === 1) {
      this.#options.onRefused(count, verdict.reason);
      return;
    }
    this.#bodySizeMax = Math.max(bodySize.min, Math.floor(lines.bytes.length / 2));
    const middle = Math.floor(count / 2);
    await this.send(cutLines(lines, 0, middle), signal);
    await this.send(cutLines(lines, middle, count), signal);
  }

  async #sendToOne(lines: Lines, signal: AbortSignal): Promise<Verdict> {
    const { destinations, env } = this.#options;
    let failure: unknown;
    for (const _ of destinations) {
      const destination = destinations[this.#next % destinations.length]!;
      this.#next++;
      if (destination.notBeforeMs > env.clock.monotonicMs()) continue;
      try {
        return await destination.deliver(lines, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        failure = error;
      }
    }
    throw failure ?? new CitadelError('unavailable', 'every destination failed a moment ago');
  }
}
