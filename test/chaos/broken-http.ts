/** Requests that are no HTTP, or break off, or say what is not so: over bare sockets. */

import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Rng } from '../../src/env/env.ts';
import { pickBelow } from '../../src/env/sim/sim-rng.ts';
import { pickFrom } from './mutate.ts';

/** How a client behaves after its bytes are sent. */
type Ending = 'wait' | 'half-close' | 'reset';

export interface BrokenRequest {
  readonly bytes: Buffer;
  readonly ending: Ending;
  /** Bytes go out in pieces of this size; 0 = all at once. */
  readonly pieceSize: number;
}

const line = 'm,host=a v=1,i=2i,s="x" 1000\n';

function post(path: string, headers: readonly string[], body: Uint8Array | string): Buffer {
  const head = [`POST ${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]);
}

const get = (path: string, ...headers: string[]): Buffer =>
  Buffer.from([`GET ${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n'), 'latin1');

const write = '/write?db=d';
const zipped = gzipSync(line.repeat(50));
const bomb = gzipSync(Buffer.alloc(40_000_000, 0x61));

type Maker = (rng: Rng) => Buffer;

const makers: readonly Maker[] = [
  (rng) => Buffer.from(rng.bytes(1 + pickBelow(rng, 2_000))),
  (rng) => Buffer.concat([get('/ping').subarray(0, 10), rng.bytes(200)]),
  // Lengths that are not so.
  () => post(write, ['Content-Length: 1000'], line),
  () => post(write, ['Content-Length: 3'], line),
  () => post(write, ['Content-Length: -1'], line),
  () => post(write, ['Content-Length: 99999999999999999999'], line),
  () => post(write, ['Content-Length: 9007199254740993'], line),
  () => post(write, ['Content-Length: 24000000'], line),
  () => post(write, ['Content-Length: 10', 'Content-Length: 20'], line),
  () => post(write, ['Content-Length: 10', 'Transfer-Encoding: chunked'], line),
  () => post(write, ['Transfer-Encoding: chunked'], 'zz\r\nabc\r\n0\r\n\r\n'),
  () => post(write, ['Transfer-Encoding: chunked'], 'ffffffffffffffff\r\nabc'),
  () => post(write, ['Transfer-Encoding: chunked'], `${line.length.toString(16)}\r\n${line}\r\n`),
  () => post(write, ['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'),
  // Encodings.
  (rng) => {
    const part = zipped.subarray(0, 1 + pickBelow(rng, zipped.length));
    return post(write, ['Content-Encoding: gzip', `Content-Length: ${part.length}`], part);
  },
  (rng) => {
    const spoilt = Buffer.from(zipped);
    spoilt[pickBelow(rng, spoilt.length)] = pickBelow(rng, 256);
    return post(write, ['Content-Encoding: gzip', `Content-Length: ${spoilt.length}`], spoilt);
  },
  () => post(write, ['Content-Encoding: gzip', `Content-Length: ${bomb.length}`], bomb),
  () => post(write, ['Content-Encoding: br', `Content-Length: ${line.length}`], line),
  () => post(write, ['Content-Encoding: GZIP,gzip', `Content-Length: ${line.length}`], line),
  () => post('/query', ['Content-Type: multipart/form-data', 'Content-Length: 4'], 'q=%z'),
  () =>
    post(
      '/query?q=%',
      ['Content-Type: multipart/form-data; boundary=x', 'Content-Length: 5'],
      '--x--',
    ),
  () =>
    post(
      '/query',
      ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 11'],
      'q=%ff%fe%00',
    ),
  // Heads.
  () => get('/ping', `X-Long: ${'x'.repeat(2_000_000)}`),
  () => get(`/query?db=d&q=${'%20'.repeat(200_000)}`),
  () => get('/ping', ...Array.from({ length: 3_000 }, (_, n) => `X-${n}: ${n}`)),
  () => get('/ping', 'Expect: 100-continue', 'Upgrade: websocket', 'Connection: upgrade'),
  () => get('/ping', 'X-Request-Id: \u0001\u00ff', 'Origin: \u00ff\u00fe'),
  () => get('/%00/%ff//..//ping?\u00ff'),
  () => get('//[::1'),
  () => get('http://[bad/ping'),
  () => get('*'),
  () => Buffer.from('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'),
  () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  () => Buffer.from('GET /ping HTTP/0.9\r\n\r\n'),
  () => Buffer.from('GET /ping HTTP/1.1\r\n\r\n'),
  () => Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'latin1'),
  // Many requests in a row, the last one cut.
  (rng) => {
    const requests = Array.from({ length: 60 }, () =>
      pickFrom(rng, [
        get('/ping'),
        get('/query?db=d&q=SELECT%20*%20FROM%20h2o_feet'),
        post(write, [`Content-Length: ${line.length}`], line),
        get('/nowhere'),
      ]),
    );
    const all = Buffer.concat(requests);
    return all.subarray(0, all.length - pickBelow(rng, 40));
  },
];

export function makeBrokenRequest(rng: Rng): BrokenRequest {
  const bytes = pickFrom(rng, makers)(rng);
  const ending = pickFrom(rng, ['wait', 'half-close', 'reset'] as const);
  const isDripped = bytes.length < 500 && pickBelow(rng, 8) === 0;
  return { bytes, ending, pieceSize: isDripped ? 1 + pickBelow(rng, 20) : 0 };
}

async function sendPieces(socket: Socket, { bytes, pieceSize }: BrokenRequest): Promise<void> {
  if (pieceSize === 0) {
    socket.write(bytes);
    return;
  }
  for (let from = 0; from < bytes.length && !socket.destroyed; from += pieceSize) {
    socket.write(bytes.subarray(from, from + pieceSize));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * Sends it and reads what comes back until the server closes or says nothing for `waitMs`; then the
 * connection is dropped.
 */
export function exchange(port: number, request: BrokenRequest, waitMs = 100): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let answer = '';
    socket.setTimeout(waitMs, () => socket.destroy());
    socket.on('data', (part) => {
      if (answer.length < 100_000) answer += part.toString('latin1');
    });
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve(answer));
    socket.on('connect', () => {
      void sendPieces(socket, request).then(() => {
        if (request.ending === 'half-close') socket.end();
        else if (request.ending === 'reset') socket.resetAndDestroy();
      });
    });
  });
}
