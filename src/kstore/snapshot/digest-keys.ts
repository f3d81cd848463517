/**
 * Digest of keys: 128 bits of hash of each live (key, value), summed in two lanes of 64 bits, so that neither
 * order nor place counts; per table and bucket of the key's hash.
 *
 * Replicas compare these: a change of what is hashed is a change of protocol.
 */

import { hash32, hash64Into } from '../../base/hash.ts';
import type { Hlc } from '../../model/entry.ts';
import { copyBytes } from '../../model/key-list.ts';
import type { DigestPart } from '../../model/store-snapshot.ts';
import { writeWord } from '../file/row-layout.ts';
import type { RowSource } from '../read/row-source.ts';
import { mergedRows, pinStore } from '../read/scan-table.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';

const bucketCount = 16;
const rowsPerLook = 128;
const two32 = 2 ** 32;
const noKey = new Uint8Array(0);

/** Two sums of 64 bits as words: [low, high, low, high], and how many cells. */
class KeySum {
  readonly #words = new Float64Array(4);
  cells = 0;

  add(hashes: Uint32Array): void {
    const words = this.#words;
    for (let lane = 0; lane < 4; lane += 2) {
      const low = words[lane]! + hashes[lane]!;
      words[lane] = low % two32;
      words[lane + 1] = (words[lane + 1]! + hashes[lane + 1]! + (low >= two32 ? 1 : 0)) % two32;
    }
    this.cells++;
  }

  toHex(): string {
    const hex = (i: number) => this.#words[i]!.toString(16).padStart(8, '0');
    return hex(1) + hex(0) + hex(3) + hex(2);
  }
}

const variantSize = 1;
const sizeSize = 4;
const head = variantSize + sizeSize;

class KeyHasher {
  readonly hashes = new Uint32Array(4);
  #scratch = new Uint8Array(4096);

  /** Fills `hashes`; returns the bucket. */
  take(source: RowSource): number {
    const value = source.value();
    const size = head + source.keySize + value.size;
    if (size > this.#scratch.length) this.#scratch = new Uint8Array(size * 2);
    const scratch = this.#scratch;
    writeWord(scratch, variantSize, source.keySize);
    copyBytes(source.bytes, source.keyAt, source.keySize, scratch, head);
    copyBytes(value.bytes, value.at, value.size, scratch, head + source.keySize);
    for (let variant = 0; variant < 2; variant++) {
      scratch[0] = variant;
      hash64Into(scratch.subarray(0, size), this.hashes, variant * 2);
    }
    return hash32(scratch.subarray(head, head + source.keySize)) & (bucketCount - 1);
  }
}

/** Parts with at least one cell, by name. @throws CitadelError `corrupt`, `cancelled` */
export async function digestKeys(
  state: StoreState,
  horizon: Hlc,
  signal: AbortSignal,
): Promise<readonly DigestPart[]> {
  state.checkOpen();
  const pacer = new Pacer(state.options.env, signal);
  const hasher = new KeyHasher();
  const pinned = pinStore(state);
  const parts: DigestPart[] = [];
  for (const [table, name] of state.tables.all()) {
    const sums = Array.from({ length: bucketCount }, () => new KeySum());
    const rows = await mergedRows(state, pinned, table, { from: noKey, until: undefined });
    let count = 0;
    for (let row = rows.next(); row !== undefined; row = rows.next()) {
      if (!row.isDeleted() && row.stamp().hlc <= horizon) {
        const bucket = hasher.take(row);
        sums[bucket]!.add(hasher.hashes);
      }
      if (++count % rowsPerLook !== 0) continue;
      state.checkOpen();
      pacer.check();
      if (pacer.isDue) await pacer.breathe();
    }
    sums.forEach((sum, bucket) => {
      if (sum.cells === 0) return;
      parts.push({ name: `${name}/${bucket}`, digest: sum.toHex(), cells: sum.cells });
    });
  }
  return parts.sort((a, b) => (a.name < b.name ? -1 : 1));
}
