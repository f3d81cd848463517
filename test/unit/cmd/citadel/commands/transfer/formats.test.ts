/**
 * Goal: what is exported is imported as the same points, in every format, however the bytes are cut.
 * Method: arbitrary rows are written; the text is cut into pieces at random and read as an import reads it;
 * the lines that would be sent are parsed by the server's parser and compared cell by cell.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CsvWriter } from '../../../../../../cmd/citadel/commands/transfer/csv-text.ts';
import { LineWriter } from '../../../../../../cmd/citadel/commands/transfer/line-writer.ts';
import type { MsgpackValue } from '../../../../../../cmd/citadel/commands/transfer/msgpack.ts';
import {
  createImportFileEnd,
  type FindEnd,
  findCsvEnd,
  findProtocolEnd,
  RecordCutter,
} from '../../../../../../cmd/citadel/commands/transfer/records.ts';
import {
  type TextFormat,
  TextRecords,
  type TextStep,
} from '../../../../../../cmd/citadel/commands/transfer/text-records.ts';
import { decodeText, encodeText } from '../../../../../../src/base/text.ts';
import { LineParser } from '../../../../../../src/lineprotocol/lineprotocol.ts';
import { decodeSeriesKey } from '../../../../../../src/model/series-key.ts';
import { type AnyMeasurement, anyMeasurement } from './any-points.ts';

const finders: Readonly<Record<TextFormat, () => FindEnd>> = {
  line: () => findProtocolEnd,
  influx: createImportFileEnd,
  csv: () => findCsvEnd,
};

/** As an import reads it, in pieces of the given sizes. */
function readText(text: string, format: TextFormat, sizes: readonly number[]): TextStep[] {
  const task = { database: 'd', policy: '', precision: 'n', batchMax: 3, nowNs: 5n } as const;
  const records = new TextRecords({ ...task, format });
  const cutter = new RecordCutter(finders[format]());
  const bytes = Buffer.from(encodeText(text));
  const steps: TextStep[] = [];
  let at = 0;
  for (const size of sizes) {
    steps.push(...records.steps(cutter.cut(bytes.subarray(at, at + size), false), 0));
    at = Math.min(bytes.length, at + size);
  }
  steps.push(...records.steps(cutter.cut(bytes.subarray(at), true), 0));
  return steps;
}

function linesOf(steps: readonly TextStep[]): string {
  return steps.map((step) => (step.kind === 'lines' ? decodeText(step.batch.body) : '')).join('');
}

function refusalsOf(steps: readonly TextStep[]): string[] {
  return steps.flatMap((step) =>
    step.kind === 'lines' ? step.refusals.map(({ place, reason }) => `${place}: ${reason}`) : [],
  );
}

function showValue(value: MsgpackValue): string {
  return `${typeof value} ${Object.is(value, -0) ? '-0' : String(value)}`;
}

/** Every cell of the rows, later ones of the same place in front of earlier ones. */
function expectedCells({ parts }: AnyMeasurement): Map<string, string> {
  const cells = new Map<string, string>();
  for (const { name, tags, columns, values } of parts) {
    const sorted = [...tags].sort(([a], [b]) => Buffer.compare(encodeText(a), encodeText(b)));
    for (const row of values) {
      for (const [i, value] of row.entries()) {
        if (i === 0 || value === null) continue;
        cells.set(JSON.stringify([name, sorted, String(row[0]), columns[i]]), showValue(value));
      }
    }
  }
  return cells;
}

/** What the server's parser makes of the lines. */
function parsedCells(lines: string): Map<string, string> {
  const options = { database: 'd', precision: 'n', nowNs: 0n } as const;
  const batch = new LineParser().parse(encodeText(lines), options);
  expect(batch.errors).toEqual([]);
  const cells = new Map<string, string>();
  for (let row = 0; row < batch.rowCount; row++) {
    const { measurement, tags } = decodeSeriesKey(batch.series[batch.rowSeries[row]!]!.key);
    for (let cell = batch.cellStart[row]!; cell < batch.cellStart[row + 1]!; cell++) {
      const { name, type } = batch.fields[batch.cellField[cell]!]!;
      const low = batch.cellWords[2 * cell]!;
      const high = batch.cellWords[2 * cell + 1]!;
      const value =
        type === 'float'
          ? batch.cellFloats[cell]!
          : type === 'boolean'
            ? low === 1
            : type === 'string'
              ? decodeText(batch.text.subarray(low, low + high))
              : BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
      const place = JSON.stringify([measurement, tags, String(batch.rowTimes[row]), name]);
      cells.set(place, showValue(value));
    }
  }
  return cells;
}

const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 });

test('line protocol: every point comes back, exactly', async () => {
  await fc.assert(
    fc.property(anyMeasurement, pieces, (measurement, sizes) => {
      const writer = new LineWriter(measurement.types);
      const written = measurement.parts.map((part) => writer.write(part));
      expect(written.map(({ reason }) => reason)).toEqual(written.map(() => ''));
      const text = written.map(({ lines }) => lines.join('')).join('');
      const steps = readText(text, 'line', sizes);
      expect(refusalsOf(steps)).toEqual([]);
      expect(linesOf(steps)).toBe(text);
      expect(parsedCells(text)).toEqual(expectedCells(measurement));
    }),
  );
});

test('CSV: every point comes back, exactly', async () => {
  await fc.assert(
    fc.property(anyMeasurement, pieces, (measurement, sizes) => {
      const writer = new CsvWriter(measurement.types);
      const text = measurement.parts.map((part) => writer.write(part)).join('');
      const steps = readText(text, 'csv', sizes);
      expect(refusalsOf(steps)).toEqual([]);
      expect(parsedCells(linesOf(steps))).toEqual(expectedCells(measurement));
    }),
  );
});

test('what line protocol cannot say is refused, not changed', () => {
  const types = new Map([['f', new Set(['float'] as const)]]);
  const part = { tagKeys: ['t'], columns: ['time', 'f'], values: [[1n, 1.5]] };
  const bad: readonly [string, string][] = [
    ['m', 'ends\\'],
    ['m\\', 'v'],
    ['#m', 'v'],
    ['m', 'two\nlines'],
  ];
  for (const [name, value] of bad) {
    const { lines, unwritable, reason } = new LineWriter(types).write({
      ...part,
      name,
      tags: [['t', value]],
    });
    expect({ lines, unwritable }).toEqual({ lines: [], unwritable: 1 });
    expect(reason).toContain('line protocol cannot express the series');
  }
});

test('files of influx -import: statements, contexts, comments', () => {
  const text = [
    '# INFLUXDB EXPORT: 1677-09-21T00:12:43Z - 2262-04-11T23:47:16Z',
    '# DDL',
    'CREATE DATABASE "a b" WITH NAME x',
    '# DML',
    '# CONTEXT-DATABASE:a b',
    '# CONTEXT-RETENTION-POLICY:x',
    '# writing "tsm" data, a="b',
    'm v=1 1',
    'm v="two',
    'lines" 2',
    '',
    '# CONTEXT-DATABASE: second',
    'm v=3 3',
  ].join('\n');
  for (const sizes of [[], [7, 60, 3, 3, 90]]) {
    const steps = readText(text, 'influx', sizes);
    expect(steps.flatMap((step) => (step.kind === 'statement' ? [step.text] : []))).toEqual([
      'CREATE DATABASE "a b" WITH NAME x',
    ]);
    const sent = steps.flatMap((step) =>
      step.kind === 'lines' && step.batch.count > 0
        ? [[step.target.database, step.target.policy, decodeText(step.batch.body)]]
        : [],
    );
    const joined = new Map<string, string>();
    for (const [database, policy, body] of sent) {
      const key = `${database}/${policy}`;
      joined.set(key, (joined.get(key) ?? '') + body);
    }
    expect([...joined]).toEqual([
      ['a b/x', 'm v=1 1\nm v="two\nlines" 2\n'],
      ['second/', 'm v=3 3\n'],
    ]);
    expect(steps.at(-1)?.line).toBe(13);
  }
});

test('bad lines are told by the number an editor shows, the others go on', () => {
  const text = 'm v="a\nb\nc" 1\nm v= 2\nm v=3\nm,time=x v=1 4\n# comment\nm v=5i 5';
  const steps = readText(text, 'line', []);
  expect(refusalsOf(steps)).toEqual([
    'line 4: missing field value: "m v= 2"',
    expect.stringMatching(/^line 6: invalid tag key: .*"m,time=x v=1 4"$/),
  ]);
  // Line 5 has no time: it gets that of the import, so that it is stored once however often it is sent.
  expect(linesOf(steps)).toBe('m v="a\nb\nc" 1\nm v=3 5\nm v=5i 5\n');
});

test('bad rows of CSV are told by number; a cell cannot be several fields', () => {
  const text =
    '#datatype measurement,tag,double,string,dateTime:RFC3339\nm,t,f,s,time\nm,x,1.5,"",1970-01-01T00:00:01.5Z\nm,x,"1,g=2",,1\nm,,oops,,1\nm,,,,1\nm,,2,,never\n';
  const steps = readText(text, 'csv', []);
  expect(linesOf(steps)).toBe('m,t=x f=1.5,s="" 1500000000\n');
  expect(refusalsOf(steps)).toEqual([
    'line 4: "1,g=2" is no double',
    'line 5: "oops" is no double',
    'line 6: no field has a value',
    expect.stringMatching(/^line 7: "never" is no time/),
  ]);
  expect(() => readText('m,f\nx,1\n', 'csv', [])).toThrow(/^line 1: no types: a first row/);
});
