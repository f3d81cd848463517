/**
 * Makes blocks fit to cross threads: all their typed arrays move into one ArrayBuffer, which is transferred.
 *
 * One buffer for a whole message, because every buffer costs the receiver's collector; copies, because a
 * transferred buffer that others still look into would vanish under them.
 */

import { align8 } from '../../base/bytes.ts';

/** What an object costs beside its arrays, roughly. */
const objectOverhead = 64;

type View = Float64Array | BigInt64Array | BigUint64Array | Uint32Array | Uint8Array;

export interface Parcel<T> {
  readonly value: T;
  readonly transfer: ArrayBuffer[];
  /** Of arrays and text, roughly. */
  readonly bytes: number;
}

/** Places of the arrays in the common buffer; one array may occur twice and is copied once. */
interface Layout {
  readonly offsets: Map<View, number>;
  arrayBytes: number;
  otherBytes: number;
}

function measure(value: unknown, layout: Layout): void {
  if (typeof value === 'string') layout.otherBytes += value.length + 16;
  if (typeof value !== 'object' || value === null) return;
  if (ArrayBuffer.isView(value)) {
    const view = value as View;
    if (layout.offsets.has(view)) return;
    layout.offsets.set(view, layout.arrayBytes);
    layout.arrayBytes += align8(view.byteLength);
    return;
  }
  layout.otherBytes += objectOverhead;
  for (const item of Array.isArray(value) ? value : Object.values(value)) measure(item, layout);
}

function moveView(view: View, buffer: ArrayBuffer, offset: number): View {
  const make = view.constructor as new (
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ) => View;
  return new make(buffer, offset, view.length);
}

/** The same value with its arrays replaced by their copies. */
function rebuild(value: unknown, moved: ReadonlyMap<View, View>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return moved.get(value as View);
  if (Array.isArray(value)) {
    return typeof value[0] === 'string' ? value : value.map((item) => rebuild(item, moved));
  }
  const entries = Object.entries(value).map(([key, item]) => [key, rebuild(item, moved)]);
  return Object.fromEntries(entries);
}

export function packBlocks<T>(blocks: readonly T[]): Parcel<T[]> {
  const layout: Layout = { offsets: new Map(), arrayBytes: 0, otherBytes: 0 };
  measure(blocks, layout);
  const buffer = new ArrayBuffer(layout.arrayBytes);
  const bytes = new Uint8Array(buffer);
  const moved = new Map<View, View>();
  for (const [view, offset] of layout.offsets) {
    bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), offset);
    moved.set(view, moveView(view, buffer, offset));
  }
  return {
    value: rebuild(blocks, moved) as T[],
    transfer: [buffer],
    bytes: layout.arrayBytes + layout.otherBytes,
  };
}

/** Roughly what a block weighs, to say when a message is full. */
export function weighBlock(block: unknown): number {
  const layout: Layout = { offsets: new Map(), arrayBytes: 0, otherBytes: 0 };
  measure(block, layout);
  return layout.arrayBytes + layout.otherBytes;
}
