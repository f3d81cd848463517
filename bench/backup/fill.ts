/** Data that does not compress, made fast: large random values of keys, long random texts and random numbers in series. */

import { randomFillSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CitadelProcess } from '../../test/support/citadel-process.ts';

export const database = 'bulk';
const bodySize = 8_000_000;
const valueSizes = [100_000, 300_000, 1_000_000];
const textSize = 30_000;
const seriesCount = 500;
const numbersPerRow = 10;
/** Of every so many bodies. */
const round = { keys: 10, texts: 9, numbers: 1 };
const lanes = 3;
const retryMs = 100;
/** Bytes of random numbers as text, each. */
const digits = 17;

interface Body {
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly type: string;
  readonly bytes: Uint8Array;
  /** What of it does not compress. */
  readonly payload: number;
}

function sized(bytes: Buffer): Buffer[] {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return [size, bytes];
}

function makeKeys(n: number): Body {
  const parts: Buffer[] = [];
  let payload = 0;
  for (let i = 0; payload < bodySize; i++) {
    const value = randomFillSync(Buffer.allocUnsafe(valueSizes[i % valueSizes.length]!));
    parts.push(Buffer.of(1), ...sized(Buffer.from(`key-${n}-${i}`)), ...sized(value));
    payload += value.length;
  }
  const type = 'application/x-citadel-kv';
  const bytes = Buffer.concat(parts);
  return { path: '/kv/put', params: { table: database }, type, bytes, payload };
}

const lineParams = { db: database, precision: 'ms' };

function toBody(lines: readonly string[], payload: number): Body {
  const bytes = Buffer.from(lines.join('\n'), 'latin1');
  return { path: '/write', params: lineParams, type: 'text/plain', bytes, payload };
}

/** Base64 carries three bytes in four, and no general compressor of bytes finds that. */
function makeTexts(n: number): Body {
  const count = Math.ceil(bodySize / textSize);
  const raw = randomFillSync(Buffer.allocUnsafe(count * textSize)).toString('base64');
  const lines = Array.from({ length: count }, (_, i) => {
    const text = raw.slice(i * textSize, (i + 1) * textSize);
    return `texts,host=h${i % seriesCount} text="${text}" ${1_600_000_000_000 + n * 1_000 + i}`;
  });
  return toBody(lines, count * textSize);
}

function makeNumbers(n: number): Body {
  const rowCount = Math.ceil(bodySize / (numbersPerRow * (digits + 5)));
  const lines = Array.from({ length: rowCount }, (_, i) => {
    const fields = Array.from({ length: numbersPerRow }, (_value, f) => `f${f}=${Math.random()}`);
    return `numbers,host=h${i % seriesCount} ${fields} ${1_600_000_000_000 + n * 100_000 + i}`;
  });
  return toBody(lines, rowCount * numbersPerRow * 8);
}

function makeBody(n: number): Body {
  const at = n % (round.keys + round.texts + round.numbers);
  if (at < round.keys) return makeKeys(n);
  return at < round.keys + round.texts ? makeTexts(n) : makeNumbers(n);
}

async function send(server: CitadelProcess, body: Body): Promise<void> {
  const { path, params, type, bytes } = body;
  for (;;) {
    const headers = { 'content-type': type };
    const options = { method: 'POST', headers, body: bytes, timeoutMs: 120_000 };
    const { status, text } = await server.request(path, params, options);
    if (status === 204) return;
    if (status !== 503) throw new Error(`${path}: ${status} ${text().slice(0, 300)}`);
    await sleep(retryMs);
  }
}

/** Half of it keys, half series; each time others. */
export async function fill(server: CitadelProcess, bytes: number): Promise<void> {
  await server.request('/create', { db: database }, { method: 'POST' });
  let sent = 0;
  let next = Math.floor(Math.random() * 1_000) * 10_000;
  const lane = async () => {
    while (sent < bytes) {
      const body = makeBody(next++);
      sent += body.payload;
      await send(server, body);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
