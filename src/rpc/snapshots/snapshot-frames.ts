/**
 * A snapshot's pieces as one stream of bytes. Byte table: docs/formats/rpc.md. Each piece carries its
 * size and checksum; the end is said in so many words, with the number of pieces, so that a stream that was
 * cut is never taken for a whole one.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import { decodeErrorFacts, encodeErrorFacts } from '../status.ts';

const streamMagic = 0x53505443;
const streamVersion = 1;
export const streamHeaderSize = 8;
export const frameHeaderSize = 12;
/** Pieces are at most 1 MiB and a little. */
const frameBytesMax = 8 * 1024 * 1024;

export const frameKind = { piece: 1, end: 2, failure: 3, alive: 4 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function streamHeader(): Uint8Array {
  const bytes = new Uint8Array(streamHeaderSize);
  const view = viewOf(bytes);
  view.setUint32(0, streamMagic, true);
  view.setUint16(4, streamVersion, true);
  return bytes;
}

/** @throws CitadelError `corrupt`, `unsupported-version` */
export function checkStreamHeader(bytes: Uint8Array): void {
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== streamMagic) throw corrupt('it is something else');
  const version = view.getUint16(4, true);
  const flags = view.getUint16(6, true);
  if (version === streamVersion && flags === 0) return;
  throw new CitadelError(
    'unsupported-version',
    `cannot read snapshot stream: it has version ${version} and flags ${flags}, this release knows version ${streamVersion} without flags; run the same release on all nodes`,
    { details: { version, flags } },
  );
}

export function corrupt(claim: string): CitadelError {
  return new CitadelError('corrupt', `cannot read snapshot stream: ${claim}`);
}

export interface FrameHeader {
  readonly kind: number;
  readonly size: number;
  readonly crc: number;
}

export function encodeFrameHeader(kind: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frameHeaderSize);
  const view = viewOf(bytes);
  view.setUint32(0, kind, true);
  view.setUint32(4, body.length, true);
  view.setUint32(8, crc32(body), true);
  return bytes;
}

/** @throws CitadelError `corrupt` */
export function decodeFrameHeader(bytes: Uint8Array): FrameHeader {
  const view = viewOf(bytes);
  const size = view.getUint32(4, true);
  if (size > frameBytesMax) throw corrupt('a piece is too large');
  return { kind: view.getUint32(0, true), size, crc: view.getUint32(8, true) };
}

/** @throws CitadelError `corrupt` */
export function checkFrame(header: FrameHeader, body: Uint8Array): void {
  if (crc32(body) !== header.crc) throw corrupt('a checksum is wrong');
}

/** `pieces`: how many there were. */
export function encodeEnd(pieces: number): Uint8Array {
  const body = new Uint8Array(4);
  viewOf(body).setUint32(0, pieces, true);
  return body;
}

/** @throws CitadelError `corrupt` when pieces are missing */
export function checkEnd(body: Uint8Array, pieces: number): void {
  if (body.length !== 4 || viewOf(body).getUint32(0, true) !== pieces) {
    throw corrupt('pieces are missing');
  }
}

export function encodeFailure(error: CitadelError): Uint8Array {
  const facts: unknown = JSON.parse(encodeErrorFacts(error));
  return encoder.encode(JSON.stringify({ ...(facts as object), message: error.message }));
}

export function decodeFailure(body: Uint8Array): CitadelError {
  const text = decoder.decode(body);
  const facts = decodeErrorFacts(text);
  if (facts === undefined) return new CitadelError('unavailable', 'the snapshot failed');
  const { message } = JSON.parse(text) as { message?: unknown };
  return new CitadelError(facts.code, String(message), { details: facts.details });
}
