/**
 * Goal: MessagePack answers say what JSON answers say, integers and times exactly, values in their
 * shortest form.
 * Method: bytes taken from InfluxDB 1.6.7; else a plain reader and the JSON formatter as the model.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { ByteWriter } from '../../../../src/query/format/byte-writer.ts';
import { formatJson } from '../../../../src/query/format/json.ts';
import { formatMsgpack, msgpackError } from '../../../../src/query/format/msgpack.ts';
import {
  writeInt,
  writeInt64,
  writeText,
  writeTime,
  writeUint64,
} from '../../../../src/query/format/msgpack-values.ts';
import type { FormatOptions } from '../../../../src/query/format/options.ts';
import type { SeriesPiece, StatementResult } from '../../../../src/query/result.ts';
import { decodeMsgpack } from '../../../support/msgpack-decode.ts';

const plain: FormatOptions = {
  epoch: undefined,
  pretty: false,
  chunked: false,
  chunkSize: 10_000,
  maxRowLimit: 0,
};

function halves(value: bigint): readonly [low: number, high: number] {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}

function encode(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(1);
  write(out);
  return out.take();
}

function decodeOne(write: (out: ByteWriter) => void): unknown {
  const documents = decodeMsgpack(encode(write));
  expect(documents).toHaveLength(1);
  return documents[0];
}

async function* stream<T>(items: readonly T[], error?: Error): AsyncGenerator<T> {
  yield* items;
  if (error !== undefined) throw error;
}

interface Statement {
  readonly pieces: readonly SeriesPiece[];
  readonly error?: Error;
}

function resultsOf(statements: readonly Statement[]): AsyncIterable<StatementResult> {
  return stream(
    statements.map(({ pieces, error }, statementId) => ({
      statementId,
      messages: [],
      series: stream(pieces, error),
    })),
  );
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

function format(statements: readonly Statement[], options: Partial<FormatOptions> = {}) {
  return collect(formatMsgpack(resultsOf(statements), { ...plain, ...options }));
}

function makePiece(host: string, times: readonly bigint[]): SeriesPiece {
  const n = times.length;
  return {
    name: 'cpu',
    tags: host === '' ? undefined : [['h', host]],
    columns: ['time', 'f', 'i', 's', 'b'],
    rowCount: n,
    times: BigInt64Array.from(times),
    values: [
      { type: 'float', values: Float64Array.from(times, Number), valid: undefined },
      { type: 'integer', values: BigInt64Array.from(times), valid: undefined },
      {
        type: 'string',
        codes: Uint32Array.from(times, (_, i) => i % 2),
        dictionary: ['é', 'x'.repeat(40)],
        valid: Uint8Array.from(times, (_, i) => Number(i % 3 !== 0)),
      },
      undefined,
    ],
    zone: undefined,
  };
}

describe('values', () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

  test('every int64 survives, in no more bytes than it needs', async () => {
    const edges = [7, 8, 15, 16, 31, 32, 52, 53, 62].flatMap((n) =>
      [-1n, 0n, 1n].flatMap((d) => [2n ** BigInt(n) + d, -(2n ** BigInt(n)) + d]),
    );
    const check = (value: bigint) => {
      const write = (out: ByteWriter) => writeInt64(out, ...halves(value));
      expect(BigInt(decodeOne(write) as number)).toBe(value);
      if (!Number.isSafeInteger(Number(value))) return;
      expect(encode(write)).toEqual(encode((out) => writeInt(out, Number(value))));
    };
    for (const edge of edges) check(edge);
    await fc.assert(fc.property(int64, check));
    expect(encode((out) => writeInt(out, -32))).toHaveLength(1);
    expect(encode((out) => writeInt(out, -33))).toHaveLength(2);
    expect(encode((out) => writeInt(out, 128))).toHaveLength(3);
  });

  test('every uint64 survives', async () => {
    await fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat({ max: 63 }), (big, cut) => {
        const value = big >> BigInt(cut);
        expect(BigInt(decodeOne((out) => writeUint64(out, ...halves(value))) as number)).toBe(
          value,
        );
      }),
    );
  });

  test('every time survives as seconds and nanoseconds', async () => {
    await fc.assert(
      fc.property(int64, (ns) => {
        const nanos = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
        const seconds = (ns - nanos) / 1_000_000_000n;
        const time = decodeOne((out) => writeTime(out, ...halves(ns)));
        expect(time).toEqual({ seconds, nanos: Number(nanos) });
      }),
    );
  });

  test('texts of every length survive', () => {
    for (const size of [0, 31, 32, 255, 256, 65_535, 65_536]) {
      const text = 'é'.repeat(size >> 1) + 'x'.repeat(size & 1);
      expect(decodeOne((out) => writeText(out, text))).toBe(text);
    }
  });
});

describe('documents', () => {
  test('as InfluxDB writes them', async () => {
    const piece: SeriesPiece = {
      name: 'cpu',
      tags: undefined,
      columns: ['time', 'v'],
      rowCount: 1,
      times: BigInt64Array.of(-1_500_000_000_000_000_001n),
      values: [{ type: 'float', values: Float64Array.of(2), valid: undefined }],
      zone: undefined,
    };
    const bytes = await format([{ pieces: [piece] }]);
    expect(bytes.toString('hex')).toBe(
      `81a7726573756c747391${'82ac73746174656d656e745f696400a6736572696573'}91` +
        '83a46e616d65a3637075a7636f6c756d6e7392a474696d65a176a676616c75657391' +
        '92c70c05ffffffffa697d0ff3b9ac9ffcb4000000000000000',
    );
  });

  test('nothing asked, nothing answered', async () => {
    expect((await format([])).toString('hex')).toBe('81a7726573756c747390');
    expect(await format([], { chunked: true })).toHaveLength(0);
    expect((await format([{ pieces: [] }])).toString('hex')).toBe(
      '81a7726573756c74739182ac73746174656d656e745f696400a673657269657390',
    );
    expect(decodeMsgpack(msgpackError('no'))).toEqual([{ error: 'no' }]);
  });

  test('a failed statement is its error alone, later ones are not executed', async () => {
    const error = new CitadelError('not-found', 'database not found: x');
    const failing = { pieces: [makePiece('a', [1n])], error };
    const answer = await format([{ pieces: [] }, failing, { pieces: [] }]);
    expect(decodeMsgpack(answer)).toEqual([
      {
        results: [
          { statement_id: 0, series: [] },
          { error: 'database not found: x' },
          { error: 'not executed' },
        ],
      },
    ]);
  });

  test('with an epoch, whole and in chunks, they say what JSON says', async () => {
    const safe = BigInt(Number.MAX_SAFE_INTEGER);
    const ns = fc.bigInt({ min: -safe, max: safe });
    const piece = fc
      .tuple(fc.constantFrom('', 'a', 'b'), fc.array(ns, { minLength: 1, maxLength: 8 }))
      .map(([host, times]) => makePiece(host, times));
    const statements = fc.array(
      fc.array(piece, { maxLength: 4 }).map((pieces) => ({ pieces })),
      { minLength: 1, maxLength: 3 },
    );
    const options = fc.record({
      epoch: fc.constantFrom('ns', 'u', 'ms', 's', 'm', 'h'),
      chunked: fc.boolean(),
      chunkSize: fc.integer({ min: 1, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(statements, options, async (asked, chosen) => {
        const all = { ...plain, ...chosen } as FormatOptions;
        const json = await collect(formatJson(resultsOf(asked), all));
        const lines = json.toString('utf8').trim().split('\n');
        const expected = lines.map((line) => {
          const { results } = JSON.parse(line) as { results: object[] };
          return { results: results.map((result) => ({ series: [], ...result })) };
        });
        expect(decodeMsgpack(await format(asked, chosen as Partial<FormatOptions>))).toEqual(
          expected,
        );
      }),
    );
  });

  test('cells of every kind', async () => {
    const piece: SeriesPiece = {
      name: '',
      tags: undefined,
      columns: ['c'],
      rowCount: 7,
      times: undefined,
      values: [
        {
          type: 'cells',
          cells: ['a', 1.5, 7, 2n ** 64n - 1n, -(2n ** 63n), true, ['x', 'y']],
        },
      ],
      zone: undefined,
    };
    const [document] = decodeMsgpack(await format([{ pieces: [piece] }]));
    expect(document).toMatchObject({
      results: [
        {
          series: [
            {
              values: [['a'], [1.5], [7], [2n ** 64n - 1n], [-(2n ** 63n)], [true], [['x', 'y']]],
            },
          ],
        },
      ],
    });
  });

  test('max-row-limit marks what it cuts', async () => {
    const pieces = [makePiece('a', [1n, 2n, 3n])];
    const [document] = decodeMsgpack(await format([{ pieces }], { maxRowLimit: 2, epoch: 'ns' }));
    const { results } = document as { results: { series: { values: unknown[] }[] }[] };
    expect(results[0]?.series[0]).toMatchObject({ partial: true });
    expect(results[0]?.series[0]?.values).toHaveLength(2);
  });
});
