/**
 * What this node's broker stored while it could tell nobody: stretches of time, kept in a file of the data
 * directory, so that even after a crash every continuous query hears that rows may have come late in them.
 *
 * A note is durable before the rows it stands for leave. Stretches are rounded to minutes, so that
 * a node that is cut off for long writes the file once a minute, not once a write.
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
  #ranges: readonly Range[];
  #isWritten = true;
  #writing: Promise<void> | undefined;

  private constructor(disk: Disk, ranges: readonly Range[]) {
    this.#disk = disk;
    this.#ranges = ranges;
  }

  /** @throws CitadelError `corrupt`, `unavailable` */
  static async open(disk: Disk): Promise<LateNotes> {
    try {
      return new LateNotes(disk, parse(await disk.readAll(notesFile)));
    } catch (error) {
      if (error instanceof CitadelError && error.code === 'not-found')
        return new LateNotes(disk, []);
      throw error;
    }
  }

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  /** Resolves when it is durable. @throws CitadelError `disk-full`, `unavailable` */
  async add({ from, until }: Range): Promise<void> {
    const range = { from: floorToGrain(from), until: floorToGrain(until) + grainNs };
    if (!coversRange(this.#ranges, range)) {
      this.#ranges = joinRanges([...this.#ranges, range], rangesMax);
      this.#isWritten = false;
    }
    await this.#write();
  }

  /** Forgets these, if no others came meanwhile. */
  async clear(delivered: readonly Range[]): Promise<void> {
    if (this.#ranges !== delivered) return;
    this.#ranges = [];
    this.#isWritten = false;
    await this.#write();
  }

  /** One write at a time; who comes meanwhile waits for the next. */
  async #write(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => undefined);
    if (this.#isWritten) return;
    this.#isWritten = true;
    this.#writing = this.#disk.writeAtomic(notesFile, render(this.#ranges)).finally(() => {
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
