/**
 * Stretches of time in which rows may surface that no continuous query was told of, kept in a file of the
 * data directory: **unheard** ones, stored while this node's broker could tell nobody, and **hot** ones, which are
 * on their way. After a crash both are the same: what was on its way may be in this node's logs alone, and
 * is spread when the node is back. Then every query gets a mark over them.
 *
 * A note is durable before the rows it stands for leave. Stretches are rounded to minutes, so that the file
 * is written about once a minute, not once a write.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Disk } from '../../env/env.ts';
import { nsPerSecond } from '../../model/time.ts';
import { coversRange, joinRanges, type Range } from './ranges.ts';

const notesFile = 'continuous-late.json';
const formatVersion = 1;
/** More are joined across the narrowest gaps. */
const rangesMax = 64;

const grainNs = 60n * nsPerSecond;

function floorToGrain(timeNs: bigint): bigint {
  const rest = timeNs % grainNs;
  return timeNs - (rest < 0n ? rest + grainNs : rest);
}

function render(ranges: readonly Range[]): Uint8Array {
  const texts = ranges.map(({ from, until }) => [String(from), String(until)]);
  return new TextEncoder().encode(`${JSON.stringify({ v: formatVersion, ranges: texts })}\n`);
}

function parse(bytes: Uint8Array): Range[] {
  try {
    const { v, ranges } = JSON.parse(new TextDecoder().decode(bytes));
    if (v !== formatVersion) throw new Error(`format ${String(v)}`);
    return ranges.map(([from, until]: [string, string]) => ({
      from: BigInt(from),
      until: BigInt(until),
    }));
  } catch (cause) {
    throw new CitadelError('corrupt', `cannot read ${notesFile}`, { cause });
  }
}

export class LateNotes {
  readonly #disk: Disk;
  #unheard: readonly Range[];
  #hot: readonly Range[] = [];
  #isWritten = true;
  #writing: Promise<void> | undefined;

  private constructor(disk: Disk, ranges: readonly Range[]) {
    this.#disk = disk;
    this.#unheard = ranges;
  }

  /** @throws CitadelError `corrupt`, `unavailable` */
  static async open(disk: Disk): Promise<LateNotes> {
    try {
      return new LateNotes(disk, parse(await disk.readAll(notesFile)));
    } catch (error) {
      if (error instanceof CitadelError && error.code === 'not-found') {
        return new LateNotes(disk, []);
      }
      throw error;
    }
  }

  /** What queries must be told of. */
  get unheard(): readonly Range[] {
    return this.#unheard;
  }

  /** Resolves when it is durable, as the others. @throws CitadelError `disk-full`, `unavailable` */
  async addUnheard(range: Range): Promise<void> {
    this.#unheard = this.#with(this.#unheard, [range]);
    await this.#write();
  }

  async addHot(ranges: readonly Range[]): Promise<void> {
    this.#hot = this.#with(this.#hot, ranges);
    await this.#write();
  }

  /** Only these are on their way any more. */
  async keepHot(ranges: readonly Range[]): Promise<void> {
    if (this.#hot.length === 0) return;
    this.#hot = [];
    this.#isWritten = false;
    await this.addHot(ranges);
  }

  /** Forgets what was unheard, if nothing came meanwhile. */
  async clear(told: readonly Range[]): Promise<void> {
    if (this.#unheard !== told) return;
    this.#unheard = [];
    this.#isWritten = false;
    await this.#write();
  }

  #with(known: readonly Range[], more: readonly Range[]): readonly Range[] {
    const rounded = more.map(({ from, until }) => ({
      from: floorToGrain(from),
      until: floorToGrain(until) + grainNs,
    }));
    if (rounded.every((range) => coversRange(known, range))) return known;
    this.#isWritten = false;
    return joinRanges([...known, ...rounded], rangesMax);
  }

  /** One write at a time; who comes meanwhile waits for the next. */
  async #write(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => undefined);
    if (this.#isWritten) return;
    this.#isWritten = true;
    const all = joinRanges([...this.#unheard, ...this.#hot], rangesMax);
    this.#writing = this.#disk.writeAtomic(notesFile, render(all)).finally(() => {
      this.#writing = undefined;
    });
    try {
      await this.#writing;
    } catch (error) {
      this.#isWritten = false;
      throw error;
    }
  }
}
