/**
 * Byte strings end to end in few large blocks, addressed by one 32-bit number: no object per string.
 *
 * An entry is a u32 size and its bytes, 4-aligned; its address counts units of 4 bytes over all
 * blocks, so an arena holds up to 16 GiB. Nothing is ever given back: an arena lives as long as its index.
 */

import { CitadelError, invariant } from '../../base/errors.ts';

const blockSize = 1024 * 1024;
const unitsPerBlock = blockSize / 4;
const firstBlockSize = 4096;
const addressMax = 0xffffffff;

export class ByteArena {
  private readonly blocks: Uint8Array[] = [];
  private readonly sizes: DataView[] = [];
  private used = blockSize;
  private currentSize = blockSize;

  /** Copies the bytes in and returns their address. Errors: `limit-exceeded` when the arena is full. */
  add(bytes: Uint8Array): number {
    const needed = 4 + Math.ceil(bytes.length / 4) * 4;
    invariant(needed <= blockSize, 'a name fits into a block');
    if (this.used + needed > this.currentSize) this.makeRoom(needed);
    const block = this.blocks.length - 1;
    const at = this.used;
    this.sizes[block]!.setUint32(at, bytes.length, true);
    this.blocks[block]!.set(bytes, at + 4);
    this.used = at + needed;
    return block * unitsPerBlock + at / 4;
  }

  /** A view, not a copy. */
  get(address: number): Uint8Array {
    const block = Math.floor(address / unitsPerBlock);
    const at = (address % unitsPerBlock) * 4;
    const size = this.sizes[block]!.getUint32(at, true);
    return this.blocks[block]!.subarray(at + 4, at + 4 + size);
  }

  equals(address: number, bytes: Uint8Array): boolean {
    const block = Math.floor(address / unitsPerBlock);
    const at = (address % unitsPerBlock) * 4;
    const size = bytes.length;
    if (this.sizes[block]!.getUint32(at, true) !== size) return false;
    const stored = this.blocks[block]!;
    for (let i = 0; i < size; i++) if (stored[at + 4 + i] !== bytes[i]) return false;
    return true;
  }

  get memoryBytes(): number {
    return this.blocks.reduce((sum, block) => sum + block.length, 0);
  }

  /** The first block grows by doubling, so that an almost empty store is small; the others are whole. */
  private makeRoom(needed: number): void {
    if (
      this.blocks.length === 1 &&
      this.currentSize < blockSize &&
      this.used + needed <= blockSize
    ) {
      const size = Math.min(blockSize, Math.max(this.currentSize * 2, this.used + needed));
      this.replaceBlock(0, size);
      return;
    }
    if ((this.blocks.length + 1) * unitsPerBlock > addressMax) {
      throw new CitadelError('limit-exceeded', 'cannot hold more series names in one shard');
    }
    const size = this.blocks.length === 0 ? Math.max(firstBlockSize, needed) : blockSize;
    this.blocks.push(new Uint8Array(0));
    this.sizes.push(new DataView(new ArrayBuffer(0)));
    this.used = 0;
    this.replaceBlock(this.blocks.length - 1, size);
  }

  private replaceBlock(index: number, size: number): void {
    const block = new Uint8Array(size);
    block.set(this.blocks[index]!);
    this.blocks[index] = block;
    this.sizes[index] = new DataView(block.buffer);
    this.currentSize = size;
  }
}
