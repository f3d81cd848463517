/**
 * Result rows -> the batch that the parser would have made of them as lines, without the text: names need no
 * escapes, and values keep every digit.
 */

import { encodeText } from '../../base/text.ts';
import type { ParsedBatch, ParsedField, ParsedSeries } from '../../lineprotocol/parsed-batch.ts';
import type { Column } from '../../model/column.ts';
import { encodeSeriesKey, formatSeriesName, type SeriesName } from '../../model/series-key.ts';
import { ShardHasher } from '../../model/shard-hash.ts';
import type { StoredRows } from '../../query/ports.ts';

/** A series key in line protocol, with its field's name and what joins them. */
const keySizeMax = 65_535;
const keyJoinSize = 4;
const textFirst = 4_096;

/** Series, fields and texts of a batch, each once. */
class Names {
  readonly measurements: string[] = [];
  readonly series: ParsedSeries[] = [];
  readonly fields: ParsedField[] = [];
  /** Per series: bytes of its key as a line writes it. */
  readonly keySizes: number[] = [];
  readonly #hasher: ShardHasher;
  readonly #measurementOf = new Map<string, number>();
  readonly #seriesOf = new Map<string, number>();
  readonly #fieldOf = new Map<string, number>();
  text: Uint8Array = new Uint8Array(textFirst);
  #textSize = 0;

  constructor(database: string) {
    this.#hasher = new ShardHasher(database);
  }

  seriesOf(name: SeriesName): number {
    const line = formatSeriesName(name);
    let series = this.#seriesOf.get(line);
    if (series === undefined) {
      const key = encodeSeriesKey(name);
      const measurement = this.measurementOf(name.measurement);
      series = this.series.push({ measurement, key, shardHash: this.#hasher.hash(key) }) - 1;
      this.keySizes.push(encodeText(line).length);
      this.#seriesOf.set(line, series);
    }
    return series;
  }

  fieldOf(measurement: number, name: string, type: Column['type'], firstRow: number): number {
    const known = `${measurement} ${type} ${name}`;
    let field = this.#fieldOf.get(known);
    if (field === undefined) {
      const nameBytes = encodeText(name);
      field = this.fields.push({ measurement, name, type, nameBytes, firstRow }) - 1;
      this.#fieldOf.set(known, field);
    }
    return field;
  }

  measurementOf(name: string): number {
    let measurement = this.#measurementOf.get(name);
    if (measurement === undefined) {
      measurement = this.measurements.push(name) - 1;
      this.#measurementOf.set(name, measurement);
    }
    return measurement;
  }

  /** Returns where the text starts. */
  addText(bytes: Uint8Array): number {
    const start = this.#textSize;
    this.#textSize += bytes.length;
    if (this.#textSize > this.text.length) {
      const grown = new Uint8Array(this.#textSize * 2);
      grown.set(this.text);
      this.text = grown;
    }
    this.text.set(bytes, start);
    return start;
  }
}

/** Puts the value of a row into a cell. */
type PutCell = (row: number, cell: number) => void;

class BatchCells {
  readonly floats: Float64Array;
  readonly words: Uint32Array;
  readonly #integers: BigInt64Array;

  constructor(cellCount: number) {
    this.floats = new Float64Array(cellCount);
    this.words = new Uint32Array(this.floats.buffer);
    this.#integers = new BigInt64Array(this.floats.buffer);
  }

  putterOf(column: Column, names: Names): PutCell {
    switch (column.type) {
      case 'float':
        return (row, cell) => {
          this.floats[cell] = column.values[row]!;
        };
      case 'boolean':
        return (row, cell) => {
          this.words[2 * cell] = column.values[row]!;
        };
      case 'string':
        return this.#textPutter(column, names);
      default:
        return (row, cell) => {
          this.#integers[cell] = BigInt(column.values[row]!);
        };
    }
  }

  #textPutter(column: Column & { type: 'string' }, names: Names): PutCell {
    const places = new Map<number, { readonly start: number; readonly size: number }>();
    return (row, cell) => {
      const code = column.codes[row]!;
      let place = places.get(code);
      if (place === undefined) {
        const bytes = encodeText(column.dictionary[code]!);
        place = { start: names.addText(bytes), size: bytes.length };
        places.set(code, place);
      }
      this.words[2 * cell] = place.start;
      this.words[2 * cell + 1] = place.size;
    };
  }
}

interface FieldPutter {
  readonly name: string;
  readonly nameSize: number;
  readonly column: Column;
  readonly put: PutCell;
  /** -1 = not known to the batch yet: a field that no row has must not be registered. */
  field: number;
}

class BatchBuilder {
  readonly #names: Names;
  readonly #cells: BatchCells;
  readonly #rowSeries: Uint32Array;
  readonly #rowTimes: BigInt64Array;
  readonly #cellStart: Uint32Array;
  readonly #cellField: Uint32Array;
  #rowCount = 0;
  #cellCount = 0;

  constructor(database: string, rowCount: number, cellCount: number) {
    this.#names = new Names(database);
    this.#cells = new BatchCells(cellCount);
    this.#rowSeries = new Uint32Array(rowCount);
    this.#rowTimes = new BigInt64Array(rowCount);
    this.#cellStart = new Uint32Array(rowCount + 1);
    this.#cellField = new Uint32Array(cellCount);
  }

  add(stored: StoredRows): void {
    const names = this.#names;
    const putters = stored.fields.map(({ name, column }): FieldPutter => {
      const nameSize = encodeText(name).length;
      return { name, nameSize, column, put: this.#cells.putterOf(column, names), field: -1 };
    });
    const seriesOf = seriesFinder(stored, names);
    for (const row of stored.rows) this.#addRow(row, seriesOf(row), stored.times[row]!, putters);
  }

  /** A row whose names are longer than any line may have them is left out, as in InfluxDB. */
  #addRow(row: number, series: number, time: bigint, putters: readonly FieldPutter[]): void {
    const nameSizeMax = keySizeMax - keyJoinSize - this.#names.keySizes[series]!;
    const present = putters.filter(({ column }) => column.valid?.[row] !== 0);
    if (present.some(({ nameSize }) => nameSize > nameSizeMax)) return;
    const { measurement } = this.#names.series[series]!;
    for (const putter of present) {
      if (putter.field < 0) {
        const { name, column } = putter;
        putter.field = this.#names.fieldOf(measurement, name, column.type, this.#rowCount);
      }
      putter.put(row, this.#cellCount);
      this.#cellField[this.#cellCount++] = putter.field;
    }
    this.#rowSeries[this.#rowCount] = series;
    this.#rowTimes[this.#rowCount] = time;
    this.#cellStart[++this.#rowCount] = this.#cellCount;
  }

  finish(): ParsedBatch {
    const { measurements, series, fields, text } = this.#names;
    return {
      measurements,
      series,
      fields,
      rowCount: this.#rowCount,
      rowSeries: this.#rowSeries,
      rowTimes: this.#rowTimes,
      cellStart: this.#cellStart,
      cellField: this.#cellField,
      cellFloats: this.#cells.floats,
      cellWords: this.#cells.words,
      text,
      errors: [],
      dropped: [],
    };
  }
}

/** The series of a row: one for all, unless some tags differ from row to row. */
function seriesFinder(
  { measurement, tags, rowTags }: StoredRows,
  names: Names,
): (row: number) => number {
  if (rowTags.length === 0) {
    const series = names.seriesOf({ measurement, tags });
    return () => series;
  }
  return (row) => {
    const own = new Map(tags);
    for (const { key, column } of rowTags) {
      if (column?.type !== 'string' || column.valid?.[row] === 0) continue;
      const value = column.dictionary[column.codes[row]!]!;
      if (value !== '') own.set(key, value);
    }
    // Any order will do that is always the same.
    const sorted = [...own].sort(([a], [b]) => (a < b ? -1 : 1));
    return names.seriesOf({ measurement, tags: sorted });
  };
}

export function rowsBatch(database: string, pieces: readonly StoredRows[]): ParsedBatch {
  let rowCount = 0;
  let cellCount = 0;
  for (const { rows, fields } of pieces) {
    rowCount += rows.length;
    cellCount += rows.length * fields.length;
  }
  const builder = new BatchBuilder(database, rowCount, cellCount);
  for (const piece of pieces) builder.add(piece);
  return builder.finish();
}
