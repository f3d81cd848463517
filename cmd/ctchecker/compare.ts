/**
 * Compares what a query returned for one series with what must be there.
 *
 * Feed the rows in any order, then ask for the verdict. Memory: two bits per expected point.
 */

import { computeChecksum, indexOf, makePoint, type PatternPoint } from './pattern.ts';

export type FindingKind = 'missing' | 'corrupt' | 'misplaced' | 'duplicate' | 'unexpected';

export interface Finding {
  readonly kind: FindingKind;
  readonly series: number;
  /** -1 for a point whose time belongs to no index. */
  readonly index: number;
  readonly text: string;
}

function samePoint(a: PatternPoint, b: PatternPoint): boolean {
  return (
    a.timeNs === b.timeNs &&
    a.float === b.float &&
    a.integer === b.integer &&
    a.string === b.string &&
    a.boolean === b.boolean &&
    a.checksum === b.checksum
  );
}

function show(point: PatternPoint): string {
  const { timeNs, float, integer, string, boolean, checksum } = point;
  return `${timeNs} f=${float} i=${integer} s=${JSON.stringify(string)} b=${boolean} crc=${checksum}`;
}

export class SeriesComparison {
  readonly #series: number;
  readonly #seen: Uint8Array;
  readonly #findings: Finding[] = [];
  #beyondCount = 0;

  constructor(series: number, count: number) {
    this.#series = series;
    this.#seen = new Uint8Array(count);
  }

  /** Points that fit the pattern but lie after the expected ones: left by a longer run. */
  get beyondCount(): number {
    return this.#beyondCount;
  }

  add(point: PatternPoint): void {
    const index = indexOf(point.timeNs);
    const expected = index < 0 ? undefined : makePoint(this.#series, index);
    if (expected === undefined || expected.timeNs !== point.timeNs) {
      this.#report('unexpected', index, show(point));
    } else if (!samePoint(point, expected)) {
      // A right checksum over wrong values: the point is whole but belongs elsewhere.
      const isWhole = computeChecksum(this.#series, point) === point.checksum;
      this.#mark(index, isWhole ? 'misplaced' : 'corrupt', `${show(point)}, not ${show(expected)}`);
    } else {
      this.#mark(index, undefined, show(point));
    }
  }

  finish(): Finding[] {
    for (let index = 0; index < this.#seen.length; index++) {
      if (this.#seen[index] !== 0) continue;
      this.#report('missing', index, `${makePoint(this.#series, index).timeNs}`);
    }
    return this.#findings;
  }

  #mark(index: number, problem: FindingKind | undefined, text: string): void {
    if (problem !== undefined) this.#report(problem, index, text);
    if (index >= this.#seen.length) {
      this.#beyondCount += 1;
      return;
    }
    if (this.#seen[index] !== 0) this.#report('duplicate', index, text);
    this.#seen[index] = 1;
  }

  #report(kind: FindingKind, index: number, text: string): void {
    this.#findings.push({ kind, series: this.#series, index, text });
  }
}
