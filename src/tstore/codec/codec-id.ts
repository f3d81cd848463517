/**
 * Codec ids as stored, one byte per column. Append-only: an id keeps its meaning for ever, and one
 * that is not listed here belongs to a later release.
 */

export const codecId = {
  integerRuns: 1,
  integerPlain: 2,
  integerDelta: 3,
  integerDelta2: 4,
  integerWidePlain: 5,
  integerWideDelta: 6,
  floatRuns: 16,
  floatDecimal: 17,
  floatXor: 18,
  floatRaw: 19,
  booleanRuns: 32,
  booleanBits: 33,
  stringPlain: 48,
  stringPlainDeflated: 49,
  stringDictionary: 50,
  stringDictionaryDeflated: 51,
  timeRuns: 64,
  timeDelta: 65,
  timeDelta2: 66,
} as const;

export type CodecId = (typeof codecId)[keyof typeof codecId];
export type IntegerCodec = 1 | 2 | 3 | 4 | 5 | 6;

const known: ReadonlySet<number> = new Set(Object.values(codecId));

export function isKnownCodec(id: number): boolean {
  return known.has(id);
}
