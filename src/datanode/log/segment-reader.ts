/**
 * Reads single records back from a commit log's segments, open or sealed, for peers that lack them.
 *
 * What fails its checksum, is no longer there or is not what was expected is left out, never guessed.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import type { Disk, DiskFile, Log } from '../../env/env.ts';
import type { EntryPlace } from './entry-index.ts';
import {
  decodeRecordHeader,
  decodeSegmentHead,
  type LogRecord,
  recordHeaderSize,
  type SegmentHeader,
  segmentHeadSize,
} from './log-layout.ts';
import { segmentFile } from './log-reader.ts';
import { positionAt } from './segment-parse.ts';

/** Open files. */
const handleCountMax = 4;

interface OpenSegment {
  readonly file: DiskFile;
  readonly head: SegmentHeader;
}

export class SegmentReader {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #log: Log;
  /** The one used last is the last. */
  readonly #open = new Map<number, OpenSegment>();
  /** One read at a time: a handle is never closed under another. */
  #turn: Promise<void> = Promise.resolve();

  constructor(disk: Disk, directory: string, log: Log) {
    this.#disk = disk;
    this.#directory = directory;
    this.#log = log;
  }

  /** `places`: of one segment, by ascending offset; read in one piece. Undefined where a record cannot be read. */
  read(places: readonly EntryPlace[]): Promise<(LogRecord | undefined)[]> {
    return this.#alone(() => this.#read(places));
  }

  /** Lets go of the files of segments below this one. */
  forgetBelow(segment: number): Promise<void> {
    return this.#alone(async () => {
      for (const number of this.#open.keys()) if (number < segment) await this.#close(number);
    });
  }

  close(): Promise<void> {
    return this.forgetBelow(Number.POSITIVE_INFINITY);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  async #read(places: readonly EntryPlace[]): Promise<(LogRecord | undefined)[]> {
    const first = places[0];
    const last = places.at(-1);
    if (first === undefined || last === undefined) return [];
    try {
      const { file, head } = await this.#segment(first.segment);
      const from = first.offset;
      const bytes = await file.read(from, last.offset + recordHeaderSize + last.size - from);
      return places.map(({ offset, size }) => {
        const position = positionAt(head, offset);
        return decodeRecord(bytes, offset - from, { salt: head.salt, position, size });
      });
    } catch (error) {
      await this.#close(first.segment);
      const isGone = error instanceof CitadelError && error.code === 'not-found';
      if (!isGone) this.#log.warn('cannot read back from the commit log', { error });
      return places.map(() => undefined);
    }
  }

  async #segment(number: number): Promise<OpenSegment> {
    const known = this.#open.get(number);
    this.#open.delete(number);
    const segment = known ?? (await this.#openSegment(number));
    this.#open.set(number, segment);
    const [oldest] = this.#open.keys();
    if (this.#open.size > handleCountMax && oldest !== undefined) await this.#close(oldest);
    return segment;
  }

  async #openSegment(number: number): Promise<OpenSegment> {
    const path = segmentFile(this.#directory, number);
    const file = await this.#disk.open(path, 'read');
    const { header } = decodeSegmentHead(await file.read(0, segmentHeadSize));
    if (header !== undefined) return { file, head: header };
    await file.close();
    throw new CitadelError('corrupt', `cannot read ${path}: its head is damaged`);
  }

  async #close(number: number): Promise<void> {
    const segment = this.#open.get(number);
    this.#open.delete(number);
    await segment?.file.close().catch(() => undefined);
  }
}

function decodeRecord(
  bytes: Uint8Array,
  at: number,
  expected: { readonly salt: number; readonly position: number; readonly size: number },
): LogRecord | undefined {
  const header = decodeRecordHeader(bytes, viewOf(bytes), at, expected);
  if (header === undefined || header.payloadSize !== expected.size) return undefined;
  const { payloadSize, payloadChecksum, ...entry } = header;
  const from = at + recordHeaderSize;
  const frame = bytes.subarray(from, from + payloadSize);
  const isWhole = frame.length === payloadSize && crc32(frame) === payloadChecksum;
  return isWhole ? { ...entry, frame } : undefined;
}
