/**
 * Snappy blocks: `varint size | element*`. Unpacked here, and not by the library that packs, because a block
 * that says another size than it has must be refused: half a request is none.
 */

import { compress } from 'snappyjs';
import { CitadelError } from '../../base/errors.ts';

/** Matches of a packer reach no further back. */
export const fragmentSizeMax = 65_536;
const sizeVarintMax = 5;
const literal = 0;
const copyOfOneByte = 1;
const copyOfTwoBytes = 2;
/** Literals above this many bytes have their size behind the tag. */
const shortLiteralMax = 60;

function corrupt(): CitadelError {
  return new CitadelError('invalid-argument', 'snappy: corrupt input');
}

interface BlockHead {
  /** Unpacked, as the block says. */
  readonly size: number;
  /** Where the elements start. */
  readonly start: number;
}

/** What a block promises; nothing is allocated for it. @throws CitadelError `invalid-argument` */
export function readBlockHead(block: Uint8Array): BlockHead {
  let size = 0;
  for (let i = 0; i < sizeVarintMax; i++) {
    const byte = block[i];
    if (byte === undefined) throw corrupt();
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) {
      if (size > 0xffff_ffff) throw corrupt();
      return { size, start: i + 1 };
    }
  }
  throw corrupt();
}

/** Element by element from a block into its place. */
class Unpacker {
  readonly #block: Uint8Array;
  readonly #out: Uint8Array;
  #at: number;
  #to = 0;

  constructor(block: Uint8Array, { size, start }: BlockHead) {
    this.#block = block;
    this.#at = start;
    this.#out = new Uint8Array(size);
  }

  run(): Uint8Array {
    while (this.#at < this.#block.length) {
      const tag = this.#block[this.#at++]!;
      const kind = tag & 3;
      if (kind === literal) this.#copyLiteral(tag >>> 2);
      else if (kind === copyOfOneByte) {
        this.#copyBack(4 + ((tag >>> 2) & 7), (tag >>> 5) * 256 + this.#number(1));
      } else this.#copyBack(1 + (tag >>> 2), this.#number(kind === copyOfTwoBytes ? 2 : 4));
    }
    if (this.#to !== this.#out.length) throw corrupt();
    return this.#out;
  }

  #number(size: number): number {
    if (size > this.#block.length - this.#at) throw corrupt();
    let value = 0;
    for (let i = 0; i < size; i++) value += this.#block[this.#at++]! * 256 ** i;
    return value;
  }

  #copyLiteral(code: number): void {
    const size = 1 + (code < shortLiteralMax ? code : this.#number(code - shortLiteralMax + 1));
    if (size > this.#block.length - this.#at || size > this.#out.length - this.#to) throw corrupt();
    this.#out.set(this.#block.subarray(this.#at, this.#at + size), this.#to);
    this.#at += size;
    this.#to += size;
  }

  /** Source and place may overlap: a short piece repeats. */
  #copyBack(size: number, offset: number): void {
    if (offset === 0 || offset > this.#to || size > this.#out.length - this.#to) throw corrupt();
    const out = this.#out;
    let to = this.#to;
    for (const until = to + size; to < until; to++) out[to] = out[to - offset]!;
    this.#to = to;
  }
}

/**
 * The caller has looked at the head and found the size bearable.
 *
 * @throws CitadelError `invalid-argument`
 */
export function unpackBlock(block: Uint8Array, head: BlockHead): Uint8Array {
  return new Unpacker(block, head).run();
}

export function blockHead(size: number): Uint8Array {
  const bytes: number[] = [];
  let rest = size;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/**
 * The elements of a part of a block, without a head: parts packed one by one and joined behind one head are a block.
 * At most 64 KiB.
 */
export function packFragment(bytes: Uint8Array): Uint8Array {
  const packed = compress(bytes);
  return packed.subarray(blockHead(bytes.length).length);
}
