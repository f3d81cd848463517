/**
 * A time and the distance of others from it, in the two 32-bit halves of an int64: no BigInt per row. Every machine
 * Node runs on is little-endian.
 */

const half = 4_294_967_296;

/** Low and high halves in turn, over the same memory. */
export function wordsOf(times: BigInt64Array): Int32Array {
  return new Int32Array(times.buffer, times.byteOffset, times.length * 2);
}

export class BaseTime {
  readonly time: bigint;
  private readonly low: number;
  private readonly high: number;

  constructor(time: bigint) {
    this.time = time;
    this.low = Number(BigInt.asUintN(32, time));
    this.high = Number(time >> 32n);
  }

  /** Makes time number `at` the one that lies `offset`, a safe integer, behind this one. */
  write(words: Int32Array, at: number, offset: number): void {
    const more = Math.floor(offset / half);
    const low = this.low + (offset - more * half);
    words[2 * at] = low;
    words[2 * at + 1] = this.high + more + (low >= half ? 1 : 0);
  }

  /** How far time number `at` lies behind this one: exact when it is a safe integer. */
  offsetOf(words: Int32Array, at: number): number {
    return (words[2 * at + 1]! - this.high) * half + ((words[2 * at]! >>> 0) - this.low);
  }
}
