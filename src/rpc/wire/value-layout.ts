/**
 * Values on the wire: the layout shared by writer and reader. Byte table: docs/formats/rpc.md.
 *
 * A message is `header | arrays | words | text`. Arrays are copied as they are, each at a multiple of 8;
 * words (u32) say what lies where; text is the characters of all strings behind one another.
 */

export const valueMagic = 0x56525443;
export const valueVersion = 1;

/** Offsets in the header. */
export const header = {
  magic: 0,
  version: 4,
  flags: 6,
  crc: 8,
  size: 12,
  structureAt: 16,
  structureWords: 20,
  shapeWords: 24,
  textCount: 28,
  valueCount: 32,
  textWidth: 36,
} as const;

export const headerSize = 40;

/** The checksum covers everything behind itself. */
export const checkedFrom = header.size;

export const valueSizeMax = 64 * 1024 * 1024;
export const valueDepthMax = 1_000;

export type View = Float64Array | BigInt64Array | BigUint64Array | Uint32Array | Uint8Array;
type ViewClass = new (buffer: ArrayBuffer, offset: number, length: number) => View;

interface ViewKind {
  readonly make: ViewClass;
  readonly width: number;
}

/** Their order is stored: append only. */
export const viewKinds: readonly ViewKind[] = [
  { make: Float64Array, width: 8 },
  { make: BigInt64Array, width: 8 },
  { make: BigUint64Array, width: 8 },
  { make: Uint32Array, width: 4 },
  { make: Uint8Array, width: 1 },
];

/** What a value's first word says; what follows it is in brackets. */
export const mark = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  /** [value] */
  whole: 4,
  /** [low, high] of the float64 */
  number: 5,
  /** [low, high] */
  signed: 6,
  /** [low, high] */
  unsigned: 7,
  /** [text] */
  text: 8,
  /** [count, first text]: texts behind one another */
  texts: 9,
  /** [count], values */
  list: 10,
  /** [shape], a value per key */
  object: 11,
  /** [offset / 8, length]; and more by the place in `viewKinds` */
  view: 12,
} as const;
