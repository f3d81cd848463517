/**
 * Goal: documents are Go's, byte for byte: keys in order, escapes, flags, errors in their place.
 */

import { expect, test } from 'vitest';
import { CitadelError, InvariantError } from '../../../../src/base/errors.ts';
import { formatJson } from '../../../../src/query/format/json.ts';
import type { FormatOptions } from '../../../../src/query/format/options.ts';
import type { ResultColumn, SeriesPiece, StatementResult } from '../../../../src/query/result.ts';

const plain: FormatOptions = {
  epoch: 'ns',
  pretty: false,
  chunked: false,
  chunkSize: 10_000,
  maxRowLimit: 0,
};

type Step = SeriesPiece | Error;

function piece(rows: number, extra: Partial<SeriesPiece> = {}): SeriesPiece {
  const values = Float64Array.from({ length: rows }, (_, i) => i);
  return {
    name: 'm',
    tags: undefined,
    columns: ['time', 'v'],
    rowCount: rows,
    times: BigInt64Array.from({ length: rows }, (_, i) => BigInt(i)),
    values: [{ type: 'float', values, valid: undefined }],
    zone: undefined,
    ...extra,
  };
}

function cells(column: ResultColumn): SeriesPiece {
  const rowCount = column.type === 'cells' ? column.cells.length : 1;
  return { ...piece(0), columns: ['x'], times: undefined, rowCount, values: [column] };
}

async function* stream(steps: readonly Step[]): AsyncGenerator<SeriesPiece> {
  for (const step of steps) {
    if (step instanceof Error) throw step;
    yield step;
  }
}

async function* results(statements: readonly (readonly Step[])[]): AsyncGenerator<StatementResult> {
  for (const [statementId, steps] of statements.entries()) {
    yield { statementId, messages: [], series: stream(steps) };
  }
}

async function textOf(
  statements: readonly (readonly Step[])[],
  options: Partial<FormatOptions> = {},
): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of formatJson(results(statements), { ...plain, ...options })) {
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

async function cellText(column: ResultColumn): Promise<string> {
  const text = await textOf([[cells(column)]]);
  return text.slice(text.indexOf('[[') + 2, text.indexOf(']]'));
}

test('no statement at all is an empty object', async () => {
  expect(await textOf([])).toBe('{}\n');
});

test('a statement without series has only its id', async () => {
  expect(await textOf([[]])).toBe('{"results":[{"statement_id":0}]}\n');
});

test('pieces of one series are joined, others begin anew', async () => {
  const tags = [['k', 'a']] as const;
  const text = await textOf([[piece(1), piece(1), piece(1, { tags })]]);
  expect(text).toBe(
    '{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","v"],"values":[[0,0],[0,0]]},' +
      '{"name":"m","tags":{"k":"a"},"columns":["time","v"],"values":[[0,0]]}]}]}\n',
  );
});

test('a series without rows has no values', async () => {
  const users = { ...piece(0), name: '', columns: ['user', 'admin'], times: undefined, values: [] };
  expect(await textOf([[users]])).toBe(
    '{"results":[{"statement_id":0,"series":[{"columns":["user","admin"]}]}]}\n',
  );
});

test('strings are escaped as Go escapes them', async () => {
  const texts = [
    '<a> & "b" \\',
    '\u2028\u2029',
    '\n\r\t\b\f\u0001',
    'ü€😀',
    '\udc80\ud800x',
    '\ufffd',
  ];
  expect(await cellText({ type: 'cells', cells: [texts] })).toBe(
    '["\\u003ca\\u003e \\u0026 \\"b\\" \\\\","\\u2028\\u2029","\\n\\r\\t\\u0008\\u000c\\u0001","ü€😀","\\ufffd\\ufffdx","\ufffd"',
  );
});

test('every type of cell', async () => {
  const all = [null, true, false, 1.5, -0, 9_223_372_036_854_775_807n, 'x', Number.NaN];
  const text = await textOf([[cells({ type: 'cells', cells: all })]]);
  expect(text).toContain('[[null],[true],[false],[1.5],[-0],[9223372036854775807],["x"],[null]]');
});

test('64-bit columns keep every digit', async () => {
  const signed = BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, -1n, 5n);
  const unsigned = BigUint64Array.of(2n ** 64n - 1n, 0n, 2n ** 53n, 7n);
  const rows = {
    ...piece(4),
    values: [
      { type: 'integer', values: signed, valid: undefined },
      { type: 'unsigned', values: unsigned, valid: Uint8Array.of(1, 1, 1, 0) },
    ] as const,
  };
  expect(await textOf([[rows]])).toContain(
    '[[0,-9223372036854775808,18446744073709551615],[1,9223372036854775807,0],[2,-1,9007199254740992],[3,5,null]]',
  );
});

test('infinity is an error in place of the series', async () => {
  const infinite = cells({ type: 'cells', cells: [1, Number.POSITIVE_INFINITY] });
  expect(await textOf([[piece(1), infinite]])).toBe(
    '{"results":[{"statement_id":0,"error":"json: unsupported value: +Inf"}]}\n',
  );
});

test('an error takes back the rows and stops what follows', async () => {
  const error = new CitadelError('invalid-argument', 'a < b');
  expect(await textOf([[piece(1), error], [piece(1)], []])).toBe(
    '{"results":[{"statement_id":0,"error":"a \\u003c b"},{"statement_id":1,"error":"not executed"},' +
      '{"statement_id":2,"error":"not executed"}]}\n',
  );
});

test('an error behind rows that have left still makes a valid document', async () => {
  const error = new CitadelError('unavailable', 'gone');
  const text = await textOf([[piece(20_000), error]]);
  const document = JSON.parse(text);
  expect(document.results[0].error).toBe('gone');
  expect(document.results[0].series[0].values.length).toBe(20_000);
});

test('a wrong program is not an answer', async () => {
  await expect(textOf([[new InvariantError('broken')]])).rejects.toThrow('broken');
});

test('pretty is MarshalIndent with four spaces', async () => {
  expect(await textOf([[piece(1, { tags: [['k', 'v']] })]], { pretty: true })).toBe(
    `${JSON.stringify(
      {
        results: [
          {
            statement_id: 0,
            series: [{ name: 'm', tags: { k: 'v' }, columns: ['time', 'v'], values: [[0, 0]] }],
          },
        ],
      },
      null,
      4,
    )}\n`,
  );
});

test('a series of more than 10,000 rows is marked partial though it is whole', async () => {
  expect(await textOf([[piece(10_000)]])).not.toContain('partial');
  const text = await textOf([[piece(10_000), piece(1)]]);
  expect(text.endsWith(']],"partial":true}]}]}\n')).toBe(true);
});

test('the row limit cuts, marks and ends the answer', async () => {
  const text = await textOf([[piece(2), piece(3, { name: 'n' })], [piece(1)]], { maxRowLimit: 4 });
  expect(text).toBe(
    '{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","v"],"values":[[0,0],[1,1]]},' +
      '{"name":"n","columns":["time","v"],"values":[[0,0],[1,1]],"partial":true}]}]}\n',
  );
});

test('chunks are documents with flags for what follows', async () => {
  const text = await textOf([[piece(3), piece(1, { name: 'n' })], []], {
    chunked: true,
    chunkSize: 2,
  });
  expect(text).toBe(
    '{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","v"],"values":[[0,0],[1,1]],"partial":true}],"partial":true}]}\n' +
      '{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","v"],"values":[[2,2]]}],"partial":true}]}\n' +
      '{"results":[{"statement_id":0,"series":[{"name":"n","columns":["time","v"],"values":[[0,0]]}]}]}\n' +
      '{"results":[{"statement_id":1}]}\n',
  );
});

test('a full last chunk is not partial', async () => {
  const text = await textOf([[piece(2)]], { chunked: true, chunkSize: 2 });
  expect(text).not.toContain('partial');
});

test('chunks before an error stay, the error is a document of its own', async () => {
  const error = new CitadelError('timeout', 'late');
  const text = await textOf([[piece(1), error]], { chunked: true });
  expect(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { results: [{ series: [{ partial: true }], partial: true }] },
    { results: [{ error: 'late' }] },
  ]);
});
