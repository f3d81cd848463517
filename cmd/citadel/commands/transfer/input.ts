/** The file (or standard input) that is imported: opened, unpacked when it is gzip, and recognised again. */

import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { describeError } from '../../../client/http.ts';
import { CommandError } from '../command-error.ts';

const partSize = 1 << 20;
const headSize = 64 * 1024;

export interface Input {
  /** For people. */
  readonly name: string;
  /** The same for the same contents; '' for standard input, which cannot be read again. */
  readonly identity: string;
  /** Bytes of the file; undefined = nobody knows. */
  readonly size: number | undefined;
  /** Bytes of the file read so far. */
  readonly position: () => number;
  /** Its unpacked bytes. */
  readonly parts: AsyncIterable<Buffer>;
}

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** Pieces of a useful size, unpacked; the first bytes say whether they are packed. */
async function* unpack(stream: Readable, count: (size: number) => void): AsyncGenerator<Buffer> {
  const source = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const { value, done } = await source.next();
    if (done === true) break;
    count(value.length);
    head = Buffer.concat([head, value]);
  }
  const whole = async function* () {
    if (head.length > 0) yield head;
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      count(next.value.length);
      yield next.value;
    }
  };
  if (!isGzip(head)) {
    yield* whole();
    return;
  }
  const gunzip = createGunzip({ chunkSize: partSize });
  const feeding = feed(whole(), gunzip);
  try {
    for await (const part of gunzip) yield part as Buffer;
  } catch (error) {
    throw new CommandError(`cannot unpack: ${describeError(error)}`);
  } finally {
    gunzip.destroy();
    await feeding;
  }
}

/** Ends when everything is written or the unpacking has failed; the reader of `gunzip` sees the failure. */
async function feed(
  parts: AsyncIterable<Buffer>,
  gunzip: ReturnType<typeof createGunzip>,
): Promise<void> {
  try {
    for await (const part of parts) {
      if (gunzip.destroyed) return;
      if (gunzip.write(part)) continue;
      await new Promise<void>((go) => {
        gunzip.once('drain', go);
        gunzip.once('close', go);
      });
    }
    gunzip.end();
  } catch (error) {
    gunzip.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function readHead(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(headSize);
    return head.subarray(0, readSync(file, head, 0, headSize, 0));
  } finally {
    closeSync(file);
  }
}

/** Path, size, time of change and a checksum of its beginning. */
function identify(path: string, size: number, mtimeMs: number): string {
  const hash = createHash('sha256').update(readHead(path)).digest('hex').slice(0, 16);
  return `${resolve(path)} ${size} ${mtimeMs} ${hash}`;
}

/** '-' is standard input. @throws CommandError */
export function openInput(path: string): Input {
  let position = 0;
  const count = (size: number) => {
    position += size;
  };
  if (path === '-') {
    const parts = unpack(process.stdin, count);
    return {
      name: 'standard input',
      identity: '',
      size: undefined,
      position: () => position,
      parts,
    };
  }
  try {
    const { size, mtimeMs } = statSync(path);
    const identity = identify(path, size, mtimeMs);
    const parts = unpack(createReadStream(path, { highWaterMark: partSize }), count);
    return { name: path, identity, size, position: () => position, parts };
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${describeError(error)}`);
  }
}
