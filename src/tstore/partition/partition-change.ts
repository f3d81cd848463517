/**
 * One transaction on a partition file: rows that come, rows that are replaced, fields, the lsn. The
 * state in memory follows only after the writer has made it durable.
 */

import { ByteWriter } from '../../base/bytes.ts';
import { invariant } from '../../base/errors.ts';
import type { ParameterColumn, StatementBatch } from '../../sqlite/job.ts';
import type { SqliteWriter } from '../../sqlite/sqlite.ts';
import type { Breather } from './breather.ts';
import type { StoredRow } from './chunk-directory.ts';
import { encodeField, type PartitionField } from './partition-fields.ts';
import type { PartitionFile } from './partition-file.ts';
import {
  encodeMeta,
  type PartitionMeta,
  partitionSchema,
  partitionTable,
} from './partition-schema.ts';
import { addToDigest, type Digest, removeFromDigest, rowSum } from './row-digest.ts';
import { encodeRowEntries } from './row-entries.ts';
import type { PackedRows } from './row-packer.ts';

export interface PartitionChange {
  readonly packed: PackedRows | undefined;
  /** Rows of the directory whose chunks are all in `packed`, or gone. */
  readonly replaced: readonly StoredRow[];
  /** New ones, and those with a new `hlcMax`. */
  readonly fields: readonly PartitionField[];
  /** Undefined = as before. */
  readonly lsn: number | undefined;
  /** Garbage rows to delete for good: no view sees them any more. */
  readonly purge: readonly number[];
}

const noBytes = new Uint8Array(0);

export function numbers(values: readonly number[]): ParameterColumn {
  return { kind: 'number', values: Float64Array.from(values) };
}

export function blobs(parts: readonly Uint8Array[]): ParameterColumn {
  const out = new ByteWriter(parts.reduce((sum, part) => sum + part.length, 8));
  const ends = new Float64Array(parts.length);
  parts.forEach((part, i) => {
    out.put(part);
    ends[i] = out.size;
  });
  return { kind: 'blob', bytes: out.finish(), ends };
}

/** Inserts or replaces rows (no, body, sum) of a table. */
function putRows(
  table: string,
  bodyName: string,
  nos: readonly number[],
  bodies: readonly Uint8Array[],
  sums: readonly number[],
): StatementBatch {
  return {
    sql: `INSERT OR REPLACE INTO ${table} (no, ${bodyName}, sum) VALUES (?, ?, ?)`,
    rowCount: nos.length,
    parameters: [numbers(nos), blobs(bodies), numbers(sums)],
  };
}

function deleteRows(table: string, nos: readonly number[]): StatementBatch {
  return {
    sql: `DELETE FROM ${table} WHERE no = ?`,
    rowCount: nos.length,
    parameters: [numbers(nos)],
  };
}

export function metaBatch(table: number, meta: object): StatementBatch {
  const body = encodeMeta(meta);
  return putRows('meta', 'body', [1], [body], [rowSum(table, 1, body)]);
}

interface Tally {
  rows: Digest;
  fields: Digest;
  garbage: Digest;
}

function addRows({ nos, entries, sums, data }: PackedRows, tally: Tally): StatementBatch[] {
  for (const sum of sums) tally.rows = addToDigest(tally.rows, sum);
  const rowCount = nos.length;
  return [
    {
      sql: 'INSERT INTO rows (no, entries, sum) VALUES (?, ?, ?)',
      rowCount,
      parameters: [numbers(nos), { kind: 'blob', ...entries }, numbers(sums)],
    },
    {
      sql: 'INSERT INTO data (no, bytes) VALUES (?, ?)',
      rowCount,
      parameters: [numbers(nos), { kind: 'blob', ...data }],
    },
  ];
}

function buryRows(rows: readonly StoredRow[], tally: Tally): StatementBatch[] {
  const nos = rows.map((row) => row.no);
  const garbageSums = nos.map((no) => rowSum(partitionTable.garbage, no, noBytes));
  rows.forEach((row, i) => {
    const sum = rowSum(partitionTable.rows, row.no, encodeRowEntries(row));
    tally.rows = removeFromDigest(tally.rows, sum);
    tally.garbage = addToDigest(tally.garbage, garbageSums[i]!);
  });
  return [
    deleteRows('rows', nos),
    {
      sql: 'INSERT OR REPLACE INTO garbage (no, sum) VALUES (?, ?)',
      rowCount: nos.length,
      parameters: [numbers(nos), numbers(garbageSums)],
    },
  ];
}

function purgeRows(nos: readonly number[], tally: Tally): StatementBatch[] {
  for (const no of nos) {
    tally.garbage = removeFromDigest(tally.garbage, rowSum(partitionTable.garbage, no, noBytes));
  }
  return [deleteRows('data', nos), deleteRows('garbage', nos)];
}

function putFields(
  file: PartitionFile,
  fields: readonly PartitionField[],
  tally: Tally,
): StatementBatch {
  const bodies = fields.map(encodeField);
  const sums = bodies.map((body, i) => rowSum(partitionTable.fields, fields[i]!.no, body));
  fields.forEach((field, i) => {
    const old = file.fields.get(field.no);
    if (old !== undefined) {
      const sum = rowSum(partitionTable.fields, old.no, encodeField(old));
      tally.fields = removeFromDigest(tally.fields, sum);
    }
    tally.fields = addToDigest(tally.fields, sums[i]!);
  });
  const nos = fields.map((field) => field.no);
  return putRows('fields', 'body', nos, bodies, sums);
}

function planChange(
  file: PartitionFile,
  change: PartitionChange,
): { batches: StatementBatch[]; meta: PartitionMeta } {
  const tally: Tally = {
    rows: file.meta.rows,
    fields: file.meta.fields,
    garbage: file.meta.garbage,
  };
  const batches: StatementBatch[] = [];
  if (change.purge.length > 0) batches.push(...purgeRows(change.purge, tally));
  if (change.replaced.length > 0) batches.push(...buryRows(change.replaced, tally));
  if (change.fields.length > 0) batches.push(putFields(file, change.fields, tally));
  const { packed } = change;
  if (packed !== undefined && packed.nos.length > 0) batches.push(...addRows(packed, tally));
  const meta: PartitionMeta = {
    ...file.meta,
    ...tally,
    lsn: change.lsn ?? file.meta.lsn,
    generation: file.meta.generation + 1,
    rowNoNext: file.meta.rowNoNext + (packed?.nos.length ?? 0),
  };
  batches.push(metaBatch(partitionTable.meta, meta));
  return { batches, meta };
}

/**
 * Durable when it resolves. The directory must be loaded if rows come or go. What is in memory (position
 * and directory) changes in one turn, so that no view sees the one without the other.
 */
export async function changePartition(
  file: PartitionFile,
  change: PartitionChange,
  writer: SqliteWriter,
  pace: Breather,
): Promise<void> {
  const { batches, meta } = planChange(file, change);
  const gone = change.replaced.map((row) => row.no);
  const layers = change.packed?.layers ?? [];
  const isMoved = layers.length > 0 || gone.length > 0;
  invariant(!isMoved || file.directory !== undefined, 'a directory is loaded before it changes');
  const directory = isMoved ? await file.directory?.with(layers, gone, pace) : undefined;
  const { path } = file;
  await writer.run({
    kind: 'write',
    file: path,
    schema: partitionSchema,
    batches,
    checkpoint: true,
  });
  file.meta = meta;
  if (isMoved) file.directory = directory;
  file.exists = true;
  for (const field of change.fields) file.fields.set(field);
  const purged = new Set(change.purge);
  file.garbage = [...file.garbage.filter((no) => !purged.has(no)), ...gone];
}
