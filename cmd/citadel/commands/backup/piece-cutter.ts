/** Finds the pieces of a snapshot in a stream of bytes that is cut anywhere. */

import { pieceHeaderSize, pieceSizeMax } from '../../../../src/model/snapshot-pieces.ts';
import { CommandError } from '../command-error.ts';

/** Of the size of a piece's payload in its header (docs/formats/snapshot.md). */
const sizeAt = 12;

export class PieceCutter {
  #rest: Uint8Array = new Uint8Array(0);

  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }

  /** Whole pieces, each a copy. @throws CommandError for what is none */
  *take(part: Uint8Array): Generator<Uint8Array> {
    let bytes = part;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + part.length);
      bytes.set(this.#rest);
      bytes.set(part, this.#rest.length);
    }
    let at = 0;
    while (bytes.length - at >= pieceHeaderSize) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      const size = pieceHeaderSize + view.getUint32(sizeAt, true);
      if (size > pieceSizeMax) throw new CommandError('a section of the backup is no snapshot');
      if (bytes.length - at < size) break;
      yield bytes.slice(at, at + size);
      at += size;
    }
    this.#rest = bytes.slice(at);
  }
}
