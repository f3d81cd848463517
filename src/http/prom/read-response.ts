/**
 * The answer to a remote read: `ReadResponse { QueryResult { TimeSeries* } }` as one snappy block.
 *
 * Lengths stand before what they measure, so the answer is held until it is whole: packed, 64 KiB after
 * 64 KiB, and one series at a time unpacked. What is held is counted on the query's memory.
 */

import { ByteWriter } from '../../base/bytes.ts';
import { HeldMemory, type MemoryAccount } from '../../base/memory-budget.ts';
import { encodeText } from '../../base/text.ts';
import { readTime } from '../../model/time.ts';
import type { SeriesPiece } from '../../query/result.ts';
import { blockHead, fragmentSizeMax, packFragment } from './snappy-block.ts';

/** Tags of length-delimited fields 1 and 2, of a double 1 and a varint 2. */
const message1 = 0x0a;
const message2 = 0x12;
const double1 = 0x09;
const varint2 = 0x10;
const doubleSize = 8;
const nsPerMs = 1_000_000;
const twoTo7 = 128;

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= twoTo7; rest = Math.floor(rest / twoTo7)) size++;
  return size;
}

function putText(writer: ByteWriter, tag: number, bytes: Uint8Array): void {
  writer.u8(tag);
  writer.varint(bytes.length);
  writer.put(bytes);
}

/** Negative numbers take ten bytes, as all of them do in this format. */
function putSigned(writer: ByteWriter, value: number): void {
  if (value >= 0) {
    writer.varint(value);
    return;
  }
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) writer.u8(Number(rest & 127n) | 128);
  writer.u8(Number(rest));
}

function signedSize(value: number): number {
  return value >= 0 ? varintSize(value) : 10;
}

function sameTags(a: SeriesPiece['tags'], b: SeriesPiece['tags']): boolean {
  if (a === undefined || b === undefined || a.length !== b.length) return a === b;
  return a.every(([key, value], i) => key === b[i]![0] && value === b[i]![1]);
}

export class ReadResponse {
  readonly #held: HeldMemory;
  /** The series being written, without its own tag and length. */
  readonly #series = new ByteWriter(4096);
  #name = '';
  #tags: SeriesPiece['tags'];
  /** Whole series that wait to be packed. */
  readonly #waiting = new ByteWriter(fragmentSizeMax);
  readonly #packed: Uint8Array[] = [];
  #packedSize = 0;
  #size = 0;

  constructor(memory: MemoryAccount | undefined) {
    this.#held = new HeldMemory(memory);
  }

  /** Pieces of one series come in a row. @throws CitadelError `limit-exceeded` */
  add(piece: SeriesPiece): void {
    const [column] = piece.values;
    if (column?.type !== 'float' || piece.times === undefined) return;
    const isNext = piece.name !== this.#name || !sameTags(piece.tags, this.#tags);
    if (isNext || this.#series.size === 0) this.#begin(piece);
    const { buffer, byteOffset, length } = piece.times;
    const words = new Uint32Array(buffer, byteOffset, 2 * length);
    const { values, valid } = column;
    for (let row = 0; row < piece.rowCount; row++) {
      if (valid?.[row] !== 0) this.#addSample(readTime(words, row, nsPerMs), values[row]!);
    }
    this.#count();
  }

  /** The whole answer; nothing may be added afterwards. */
  finish(): Uint8Array {
    this.#end();
    this.#pack(0);
    const head = new ByteWriter(16);
    head.u8(message1);
    head.varint(this.#size);
    const inner = head.finish();
    return Buffer.concat([
      blockHead(inner.length + this.#size),
      packFragment(inner),
      ...this.#packed,
    ]);
  }

  /** Labels are the tags that have a value. */
  #begin({ name, tags }: SeriesPiece): void {
    this.#end();
    this.#name = name;
    this.#tags = tags;
    for (const [key, value] of tags ?? []) {
      if (value === '') continue;
      const label = new ByteWriter(64);
      putText(label, message1, encodeText(key));
      putText(label, message2, encodeText(value));
      putText(this.#series, message1, label.written());
    }
  }

  #addSample(timeMs: number, value: number): void {
    const series = this.#series;
    series.u8(message2);
    series.u8(1 + doubleSize + 1 + signedSize(timeMs));
    series.u8(double1);
    series.f64(value);
    series.u8(varint2);
    putSigned(series, timeMs);
  }

  #end(): void {
    const series = this.#series;
    if (series.size === 0) return;
    putText(this.#waiting, message1, series.written());
    this.#size += 1 + varintSize(series.size) + series.size;
    series.clear();
    this.#pack(fragmentSizeMax);
  }

  /** Packs what waits, as long as it is more than `leave`. */
  #pack(leave: number): void {
    const waiting = this.#waiting.written();
    let from = 0;
    while (waiting.length - from > leave) {
      const until = Math.min(waiting.length, from + fragmentSizeMax);
      const packed = packFragment(waiting.slice(from, until));
      this.#packed.push(packed);
      this.#packedSize += packed.length;
      from = until;
    }
    if (from === 0) return;
    const rest = waiting.slice(from);
    this.#waiting.clear();
    this.#waiting.put(rest);
    this.#count();
  }

  #count(): void {
    this.#held.set(this.#packedSize + this.#series.bytes.length + this.#waiting.bytes.length);
  }
}
