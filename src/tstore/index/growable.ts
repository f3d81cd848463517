/** Typed arrays that grow by doubling: the struct-of-arrays that the index and the memtable are made of. */

const capacityFirst = 16;

export class GrowableUint32 {
  values = new Uint32Array(capacityFirst);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) this.reserve(this.length + 1);
    this.values[this.length++] = value;
  }

  /** Makes indexes below `length` addressable; new ones are 0. */
  extend(length: number): void {
    if (length <= this.length) return;
    if (length > this.values.length) this.reserve(length);
    this.length = length;
  }

  /** A view of what is there; the next push may leave it behind. */
  view(): Uint32Array {
    return this.values.subarray(0, this.length);
  }

  get memoryBytes(): number {
    return this.values.byteLength;
  }

  private reserve(length: number): void {
    const grown = new Uint32Array(Math.max(length, this.values.length * 2));
    grown.set(this.values);
    this.values = grown;
  }
}
