/**
 * Finds the pieces of a snapshot in a stream of bytes that is cut anywhere. Every byte is copied once, whatever the
 * size of the parts: a piece says its size at its beginning.
 */

import { pieceHeaderSize, pieceSizeMax } from '../../../../src/model/snapshot-pieces.ts';
import { CommandError } from '../command-error.ts';

/** Of the size of a piece's payload in its header (docs/formats/snapshot.md). */
const sizeAt = 12;

export class PieceCutter {
  readonly #header = new Uint8Array(pieceHeaderSize);
  /** The header until that is whole, then the piece. */
  #target = this.#header;
  #filled = 0;

  get isEmpty(): boolean {
    return this.#filled === 0;
  }

  /** Whole pieces, each the caller's own. @throws CommandError for what is none */
  *take(part: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < part.length; ) {
      const count = Math.min(part.length - at, this.#target.length - this.#filled);
      this.#target.set(part.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === pieceHeaderSize && this.#target === this.#header) this.#open();
      if (this.#filled < this.#target.length || this.#target === this.#header) continue;
      const piece = this.#target;
      this.#target = this.#header;
      this.#filled = 0;
      yield piece;
    }
  }

  /** Makes room for the piece whose header is there. */
  #open(): void {
    const size = pieceHeaderSize + new DataView(this.#header.buffer).getUint32(sizeAt, true);
    if (size > pieceSizeMax) throw new CommandError('a section of the backup is no snapshot');
    this.#target = new Uint8Array(size);
    this.#target.set(this.#header);
  }
}
