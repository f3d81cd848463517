/**
 * Codecs: nanoseconds and bytes per value over columns of one chunk, best of several rounds.
 * Run: npx tsx bench/codec.bench.ts
 */

import type { Column } from '../src/model/column.ts';
import { chunkRowsMax } from '../src/tstore/chunk/chunk.ts';
import { ByteReader } from '../src/tstore/codec/byte-reader.ts';
import { ByteWriter } from '../src/tstore/codec/byte-writer.ts';
import { decodeValues, encodeValues } from '../src/tstore/codec/codec.ts';

let seed = 1;
function uniform(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** The TSBS walk: steps of a standard normal, clamped to [0, 100]. */
function walk(round: (value: number) => number): Float64Array {
  let value = uniform() * 100;
  return Float64Array.from({ length: chunkRowsMax }, () => {
    value = Math.min(100, Math.max(0, value + normal()));
    return round(value);
  });
}

function integers(values: Float64Array | BigInt64Array): Column {
  return { type: 'integer', values, valid: undefined };
}

function floats(values: Float64Array): Column {
  return { type: 'float', values, valid: undefined };
}

function fill(make: (i: number) => number): Float64Array {
  return Float64Array.from({ length: chunkRowsMax }, (_, i) => make(i));
}

const words = ['running', 'stopped', 'failed', 'waiting'];

const cases: readonly (readonly [name: string, make: () => Column])[] = [
  ['integer walk 0..100 (TSBS)', () => integers(walk(Math.trunc))],
  ['integer counter', () => integers(fill((i) => i * 1000 + Math.floor(uniform() * 50)))],
  ['integer constant', () => integers(fill(() => 7))],
  ['integer noise, 20 bits', () => integers(fill(() => Math.floor(uniform() * 2 ** 20)))],
  ['integer noise, 48 bits', () => integers(fill(() => Math.floor(uniform() * 2 ** 48)))],
  [
    'integer noise, 63 bits',
    () =>
      integers(
        BigInt64Array.from(
          fill(() => uniform() * 2 ** 53),
          (v) => BigInt(v | 0) << 31n,
        ),
      ),
  ],
  ['float walk, two decimals', () => floats(walk((v) => Math.round(v * 100) / 100))],
  ['float walk, full mantissa', () => floats(walk((v) => v))],
  ['float walk, float32', () => floats(walk(Math.fround))],
  ['float constant', () => floats(fill(() => 0.1))],
  [
    'boolean noise',
    () => ({
      type: 'boolean',
      values: Uint8Array.from(fill(() => uniform() * 2)),
      valid: undefined,
    }),
  ],
  [
    'string, 4 distinct',
    () => ({
      type: 'string',
      codes: Uint32Array.from(fill(() => uniform() * 4)),
      dictionary: words,
      valid: undefined,
    }),
  ],
  [
    'string, all distinct',
    () => ({
      type: 'string',
      codes: Uint32Array.from(fill((i) => i)),
      dictionary: Array.from(
        fill(() => uniform()),
        (v, i) => `request ${i} took ${v.toFixed(3)} s`,
      ),
      valid: undefined,
    }),
  ],
];

function bestNs(run: () => void): number {
  let best = Infinity;
  for (let round = 0; round < 40; round++) {
    const start = performance.now();
    for (let i = 0; i < 10; i++) run();
    best = Math.min(best, (performance.now() - start) * 1e5);
  }
  return best / chunkRowsMax;
}

console.log('column                          codec  bytes/value  encode ns  decode ns');
for (const [name, make] of cases) {
  const column = make();
  const writer = new ByteWriter(64 * 1024);
  const codec = encodeValues(writer, column);
  const bytes = writer.finish();
  const encode = bestNs(() => {
    writer.size = 0;
    encodeValues(writer, column);
  });
  const decode = bestNs(() => {
    decodeValues(new ByteReader(bytes), column.type, codec, chunkRowsMax);
  });
  console.log(
    name.padEnd(30),
    String(codec).padStart(6),
    (bytes.length / chunkRowsMax).toFixed(3).padStart(12),
    encode.toFixed(1).padStart(10),
    decode.toFixed(1).padStart(10),
  );
}
