/** Compares what a list and reads returned for the keys of one series with what must be there. */

import { finalValue, indexOfKey, putValue } from './key-pattern.ts';

/** `returned`: a key that was deleted last has a value. `outdated`: an older value of the key. */
export type KeyFindingKind =
  | 'missing'
  | 'returned'
  | 'outdated'
  | 'corrupt'
  | 'duplicate'
  | 'unexpected';

export interface KeyFinding {
  readonly kind: KeyFindingKind;
  readonly series: number;
  /** -1 for a key that belongs to no index. */
  readonly index: number;
  readonly text: string;
}

function isOlder(series: number, index: number, value: Buffer): boolean {
  return [1, 2].some((put) => value.equals(putValue(series, index, put)));
}

/** Undefined = it is as it must be. */
export function judgeValue(
  series: number,
  index: number,
  value: Buffer | undefined,
): KeyFindingKind | undefined {
  const expected = finalValue(series, index);
  if (value === undefined) return expected === undefined ? undefined : 'missing';
  if (expected?.equals(value) === true) return undefined;
  if (!isOlder(series, index, value)) return 'corrupt';
  return expected === undefined ? 'returned' : 'outdated';
}

function show(value: Buffer | undefined): string {
  return value === undefined ? 'absent' : JSON.stringify(value.toString('latin1', 0, 40));
}

export class KeyComparison {
  readonly #series: number;
  readonly #count: number;
  readonly #listed: Uint8Array;
  readonly #findings: KeyFinding[] = [];
  #beyondCount = 0;

  constructor(series: number, count: number) {
    this.#series = series;
    this.#count = count;
    this.#listed = new Uint8Array(count);
  }

  /** Keys that fit the pattern but lie behind the expected ones: left by a longer run. */
  get beyondCount(): number {
    return this.#beyondCount;
  }

  /** A key of a list. */
  addListed(key: Buffer, value: Buffer): void {
    const index = indexOfKey(this.#series, key);
    if (index < 0) {
      this.#report('unexpected', index, `key ${show(key)}`);
      return;
    }
    const kind = judgeValue(this.#series, index, value);
    if (kind !== undefined) this.#report(kind, index, `listed: ${show(value)}`);
    if (index >= this.#count) {
      this.#beyondCount += 1;
      return;
    }
    if (this.#listed[index] !== 0) this.#report('duplicate', index, 'listed twice');
    this.#listed[index] = 1;
  }

  /** The answer to a read of one key; undefined = absent. */
  addRead(index: number, value: Buffer | undefined): void {
    const kind = judgeValue(this.#series, index, value);
    if (kind !== undefined) this.#report(kind, index, `read: ${show(value)}`);
  }

  finish(): readonly KeyFinding[] {
    for (let index = 0; index < this.#count; index++) {
      if (this.#listed[index] === 1 || finalValue(this.#series, index) === undefined) continue;
      this.#report('missing', index, 'not listed');
    }
    return this.#findings;
  }

  #report(kind: KeyFindingKind, index: number, text: string): void {
    this.#findings.push({ kind, series: this.#series, index, text });
  }
}
