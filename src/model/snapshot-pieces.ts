/**
 * Pieces of a snapshot stream: bounded, numbered without gaps, each checksum started from the one before, so
 * that a piece that is missing, repeated or of another stream is noticed. Layout: docs/formats/snapshot.md.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../base/bytes.ts';
import { CitadelError } from '../base/errors.ts';

export const pieceMagic = 0x4e535443;
export const pieceVersion = 1;
export const pieceHeaderSize = 20;
/** Header included. */
export const pieceSizeMax = 1024 * 1024;
const payloadSizeMax = pieceSizeMax - pieceHeaderSize;
/** Header bytes that the checksum covers. */
const coveredSize = 16;
const lastFlag = 1;

export function corruptSnapshot(what: string): CitadelError {
  return new CitadelError('corrupt', `cannot read snapshot: ${what}`);
}

/** Cuts a stream of bytes into pieces. */
export class PieceWriter {
  private piece = new Uint8Array(pieceSizeMax);
  private size = pieceHeaderSize;
  private number = 0;
  private sum = 0;
  private full: Uint8Array[] = [];

  put(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.size === pieceSizeMax) this.close(0);
      const count = Math.min(bytes.length - at, pieceSizeMax - this.size);
      this.piece.set(bytes.subarray(at, at + count), this.size);
      this.size += count;
      at += count;
    }
  }

  /** Pieces that are full, in order; the caller owns them. */
  take(): Uint8Array[] {
    const { full } = this;
    if (full.length > 0) this.full = [];
    return full;
  }

  /** The rest, ending with the last piece. */
  finish(): Uint8Array[] {
    this.close(lastFlag);
    return this.take();
  }

  private close(flags: number): void {
    const bytes = this.piece.subarray(0, this.size);
    const view = viewOf(bytes);
    view.setUint32(0, pieceMagic, true);
    view.setUint16(4, pieceVersion, true);
    view.setUint16(6, flags, true);
    view.setUint32(8, this.number++, true);
    view.setUint32(12, this.size - pieceHeaderSize, true);
    this.sum = sumOf(bytes, this.sum);
    view.setUint32(coveredSize, this.sum, true);
    this.full.push(bytes);
    this.piece = new Uint8Array(flags === lastFlag ? 0 : pieceSizeMax);
    this.size = pieceHeaderSize;
  }
}

function sumOf(piece: Uint8Array, before: number): number {
  const head = crc32(piece.subarray(0, coveredSize), before);
  return crc32(piece.subarray(pieceHeaderSize), head);
}

/** Checks pieces as they come. */
export class PieceReader {
  isComplete = false;
  private number = 0;
  private sum = 0;

  /** The payload, a view. Errors: `corrupt`, `unsupported-version`. */
  take(piece: Uint8Array): Uint8Array {
    if (this.isComplete) throw corruptSnapshot('a piece after the last');
    if (piece.length < pieceHeaderSize || piece.length > pieceSizeMax) {
      throw corruptSnapshot(`piece ${this.number} has ${piece.length} bytes`);
    }
    const view = viewOf(piece);
    if (view.getUint32(0, true) !== pieceMagic) throw corruptSnapshot('not a piece of one');
    const version = view.getUint16(4, true);
    const flags = view.getUint16(6, true);
    if (version !== pieceVersion || (flags & ~lastFlag) !== 0) {
      throw new CitadelError('unsupported-version', 'cannot read a snapshot of a later release', {
        details: { version, flags },
      });
    }
    const number = view.getUint32(8, true);
    if (number !== this.number) {
      throw corruptSnapshot(`piece ${number} in the place of piece ${this.number}`);
    }
    const size = view.getUint32(12, true);
    const sum = sumOf(piece, this.sum);
    if (size > payloadSizeMax || size !== piece.length - pieceHeaderSize) {
      throw corruptSnapshot(`piece ${number} is cut`);
    }
    if (sum !== view.getUint32(coveredSize, true)) {
      throw corruptSnapshot(`piece ${number} does not match its checksum`);
    }
    this.number++;
    this.sum = sum;
    this.isComplete = flags === lastFlag;
    return piece.subarray(pieceHeaderSize);
  }
}
