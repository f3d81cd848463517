/**
 * Makes a block fit to cross threads: every typed array gets an ArrayBuffer of its own size, and these
 * buffers are transferred. (A view into a larger buffer would otherwise carry all of it along, and a
 * transferred buffer that others still look into would vanish under them.)
 */

/** What an object costs beside its arrays, roughly. */
const objectOverhead = 64;

type View = Float64Array | BigInt64Array | BigUint64Array | Uint32Array | Uint8Array;

export interface Parcel<T> {
  readonly value: T;
  readonly transfer: ArrayBuffer[];
  /** Of arrays and text, roughly. */
  readonly bytes: number;
}

interface Packing {
  readonly transfer: ArrayBuffer[];
  /** One array may occur twice in a block; it is copied once. */
  readonly copies: Map<View, View>;
  bytes: number;
}

function packView(view: View, packing: Packing): View {
  const known = packing.copies.get(view);
  if (known !== undefined) return known;
  const copy = view.slice();
  packing.copies.set(view, copy);
  packing.transfer.push(copy.buffer as ArrayBuffer);
  packing.bytes += copy.byteLength;
  return copy;
}

function packText(texts: readonly unknown[], packing: Packing): void {
  for (const text of texts) packing.bytes += typeof text === 'string' ? text.length + 16 : 8;
}

function pack(value: unknown, packing: Packing): unknown {
  if (typeof value === 'string') {
    packing.bytes += value.length;
    return value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return packView(value as View, packing);
  packing.bytes += objectOverhead;
  if (Array.isArray(value)) {
    if (typeof value[0] === 'string') {
      packText(value, packing);
      return value;
    }
    return value.map((item) => pack(item, packing));
  }
  const entries = Object.entries(value).map(([key, item]) => [key, pack(item, packing)]);
  return Object.fromEntries(entries);
}

export function packBlock<T>(block: T): Parcel<T> {
  const packing: Packing = { transfer: [], copies: new Map(), bytes: 0 };
  const value = pack(block, packing) as T;
  return { value, transfer: packing.transfer, bytes: packing.bytes };
}
