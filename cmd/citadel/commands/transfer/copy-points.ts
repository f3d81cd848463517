/**
 * Copies the points of one measurement in one stretch of time, and proves that all were read: the values of
 * each field are counted while they pass and compared with what the source counts itself.
 */

import { encodeText } from '../../../../src/base/text.ts';
import { CommandError } from '../command-error.ts';
import type { Destination, Refusal, Written } from './destination.ts';
import { LineWriter } from './line-writer.ts';
import type { Pacer } from './pacer.ts';
import { type FieldTypes, quoteSource, type Span } from './schema.ts';
import type { Source } from './source.ts';

export interface PointSet {
  readonly database: string;
  readonly policy: string;
  readonly measurement: string;
}

/** Values by field. */
export type FieldCounts = ReadonlyMap<string, number>;

export interface CopyParts {
  readonly source: Source;
  readonly destination: Destination;
  readonly pacer: Pacer;
  readonly signal: AbortSignal;
  readonly batchMax: number;
}

export interface Copied {
  written: number;
  refused: number;
  readonly counts: FieldCounts;
  readonly refusals: Refusal[];
}

const batchSizeMax = 8_000_000;
/** Readings of one stretch before a difference in counts is an error: the source may be written to. */
const readingsMax = 3;
const shownMax = 20;

function inSpan({ from, until }: Span): string {
  return `WHERE time >= ${from} AND time < ${until}`;
}

export function sourceOf({ database, policy, measurement }: PointSet): string {
  return quoteSource(database, policy, measurement);
}

/** What the server itself counts. */
export async function countValues(source: Source, set: PointSet, span: Span): Promise<FieldCounts> {
  const query = `SELECT count(*::field) FROM ${sourceOf(set)} ${inSpan(span)}`;
  const counts = new Map<string, number>();
  for (const { columns, values } of await source.ask(query)) {
    for (const [i, column] of columns.entries()) {
      if (i > 0) counts.set(column.replace(/^count_/, ''), Number(values[0]?.[i] ?? 0));
    }
  }
  return counts;
}

/** Sends lines in batches while the next ones are read. */
class LineSink {
  readonly #parts: CopyParts;
  readonly #set: PointSet;
  #lines: string[] = [];
  #size = 0;
  #sending: Promise<Written> = Promise.resolve({ written: 0, refusals: [] });
  readonly #copied: Copied;

  constructor(parts: CopyParts, set: PointSet, copied: Copied) {
    this.#parts = parts;
    this.#set = set;
    this.#copied = copied;
  }

  async add(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      this.#lines.push(line);
      this.#size += line.length;
      const isFull = this.#lines.length >= this.#parts.batchMax || this.#size >= batchSizeMax;
      if (isFull) await this.#send();
    }
  }

  async finish(): Promise<void> {
    if (this.#lines.length > 0) await this.#send();
    this.#note(await this.#sending);
    this.#sending = Promise.resolve({ written: 0, refusals: [] });
  }

  async #send(): Promise<void> {
    const { destination, pacer } = this.#parts;
    const { database, policy } = this.#set;
    const lines = this.#lines;
    this.#lines = [];
    this.#size = 0;
    this.#note(await this.#sending);
    await pacer.take(lines.length);
    const placeOf = (index: number) => (lines[index] ?? '').slice(0, 200).trimEnd();
    const batch = { body: encodeText(lines.join('')), count: lines.length, placeOf };
    this.#sending = destination.write(batch, { database, policy, precision: 'n' });
    // Awaited before the next batch, or at the end.
    this.#sending.catch(() => undefined);
  }

  #note({ written, refusals }: Written): void {
    this.#copied.written += written;
    for (const refusal of refusals) {
      this.#copied.refused += refusal.count;
      this.#copied.refusals.push(refusal);
    }
  }
}

async function copyOnce(parts: CopyParts, set: PointSet, span: Span, types: FieldTypes) {
  const writer = new LineWriter(types);
  const copied: Copied = { written: 0, refused: 0, counts: writer.counts, refusals: [] };
  const sink = new LineSink(parts, set, copied);
  const query = `SELECT *::field FROM ${sourceOf(set)} ${inSpan(span)} GROUP BY *`;
  for await (const part of parts.source.stream(query)) {
    const { lines, unwritable, reason } = writer.write(part);
    if (unwritable > 0) {
      copied.refused += unwritable;
      copied.refusals.push({ place: sourceOf(set), reason, count: unwritable });
    }
    await sink.add(lines);
    if (parts.signal.aborted) throw new CommandError('interrupted');
  }
  await sink.finish();
  return copied;
}

/** Fields of which fewer values were read than the source counts. */
function findMissing(expected: FieldCounts, read: FieldCounts): string[] {
  return [...expected].flatMap(([field, count]) => {
    const got = read.get(field) ?? 0;
    return got < count ? [`${field}: ${got} of ${count}`] : [];
  });
}

/** @throws CommandError when it cannot be read as a whole */
export async function copyPoints(
  parts: CopyParts,
  set: PointSet,
  span: Span,
  types: FieldTypes,
  expected: FieldCounts,
): Promise<Copied> {
  let counted = expected;
  for (let reading = 1; ; reading++) {
    const copied = await parts.source.insist(() => copyOnce(parts, set, span, types));
    const missing = findMissing(counted, copied.counts);
    if (missing.length === 0) return copied;
    if (reading === readingsMax) {
      const shown = missing.slice(0, shownMax).join(', ');
      throw new CommandError(`cannot read all of ${sourceOf(set)}: ${shown}`);
    }
    counted = await countValues(parts.source, set, span);
  }
}
