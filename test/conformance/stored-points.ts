/**
 * Points as comparable text, from both sides: what our parser and its write path would store, and what a
 * query finds in a real InfluxDB. One entry per cell: series, time, field, type and value.
 */

import { decodeText, printableText } from '../../src/base/text.ts';
import type { ParsedBatch } from '../../src/lineprotocol/parsed-batch.ts';
import type { WriteOutcome } from '../../src/lineprotocol/write-outcome.ts';
import { fieldConflict } from '../../src/lineprotocol/write-outcome.ts';
import { decodeSeriesKey } from '../../src/model/series-key.ts';

/** `cell id -> value text`, sorted by id when printed. */
export type StoredCells = Map<string, string>;

function cellId(
  measurement: string,
  tags: Readonly<Record<string, string>>,
  time: string,
  field: string,
): string {
  const sorted = Object.keys(tags)
    .sort()
    .map((key) => [key, tags[key]]);
  return JSON.stringify([measurement, sorted, time, field]);
}

/** Integers keep every digit; floats compare as numbers. */
function valueText(type: string, value: unknown): string {
  return type === 'float' ? `float ${Number(value)}` : `${type} ${String(value)}`;
}

function readValue(batch: ParsedBatch, cell: number): unknown {
  const { type } = batch.fields[batch.cellField[cell]!]!;
  const low = batch.cellWords[2 * cell]!;
  const high = batch.cellWords[2 * cell + 1]!;
  if (type === 'float') return batch.cellFloats[cell];
  if (type === 'boolean') return low === 1;
  if (type === 'string') return printableText(decodeText(batch.text.subarray(low, low + high)));
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
}

/** The types a fresh database gets from the batch: the first row fixes them. */
export function firstTypes(batch: ParsedBatch): Uint8Array {
  const accepts = new Uint8Array(batch.fields.length);
  const taken = new Map<string, number>();
  const byRow = batch.fields.map((field, index) => ({ ...field, index }));
  byRow.sort((a, b) => a.firstRow - b.firstRow || a.index - b.index);
  for (const { measurement, name, index } of byRow) {
    const key = `${measurement} ${name}`;
    if (taken.has(key)) continue;
    taken.set(key, index);
    accepts[index] = 1;
  }
  return accepts;
}

/** Adds the batch's rows to `cells` as the write path would, and tells `outcome` about refused ones. */
export function storeBatch(batch: ParsedBatch, cells: StoredCells, outcome: WriteOutcome): void {
  const accepts = firstTypes(batch);
  for (let row = 0; row < batch.rowCount; row++) {
    const own = Array.from(
      { length: batch.cellStart[row + 1]! - batch.cellStart[row]! },
      (_, i) => batch.cellStart[row]! + i,
    );
    const series = batch.series[batch.rowSeries[row]!]!;
    const measurement = batch.measurements[series.measurement]!;
    const refused = own.find((cell) => accepts[batch.cellField[cell]!] === 0);
    if (refused !== undefined) {
      const { name, type } = batch.fields[batch.cellField[refused]!]!;
      const first = batch.fields.findIndex(
        (field, i) =>
          accepts[i] === 1 && field.name === name && field.measurement === series.measurement,
      );
      const text = fieldConflict(measurement, name, type, batch.fields[first]!.type);
      outcome.addDropped(text, 1);
      continue;
    }
    const tags = Object.fromEntries(
      decodeSeriesKey(series.key).tags.map((tag) => tag.map(printableText)),
    ) as Record<string, string>;
    for (const cell of own) {
      const { name, type } = batch.fields[batch.cellField[cell]!]!;
      const time = String(batch.rowTimes[row]);
      const id = cellId(printableText(measurement), tags, time, printableText(name));
      cells.set(id, valueText(type, readValue(batch, cell)));
    }
  }
}

interface Series {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values?: readonly (readonly unknown[])[];
}

/** JSON with every number as a string of its digits. */
export function parseExactJson(text: string): unknown {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
  return JSON.parse(quoted);
}

/** From the answer to `SELECT * FROM /.*\/ GROUP BY *; SHOW FIELD KEYS` with epoch=ns. */
export function readAnswer(text: string): StoredCells {
  const { results } = parseExactJson(text) as { results: { series?: Series[] }[] };
  const types = new Map<string, string>();
  for (const { name, values = [] } of results[1]?.series ?? []) {
    for (const [field, type] of values) types.set(JSON.stringify([name, field]), String(type));
  }
  const cells: StoredCells = new Map();
  for (const { name, tags = {}, columns, values = [] } of results[0]?.series ?? []) {
    const own = Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== ''));
    for (const row of values) {
      columns.slice(1).forEach((field, i) => {
        const value = row[i + 1];
        if (value === null) return;
        const type = types.get(JSON.stringify([name, field])) ?? 'unknown';
        cells.set(cellId(name, own, String(row[0]), field), valueText(type, value));
      });
    }
  }
  return cells;
}

export function sortCells(cells: StoredCells): string[] {
  return [...cells].map(([id, value]) => `${id} = ${value}`).sort();
}
