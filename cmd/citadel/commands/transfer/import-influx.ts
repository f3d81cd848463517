/**
 * Copy of whole databases from a running InfluxDB 1.x.
 *
 * Reads measurement by measurement and shard group by shard group, because inside one a field has one type;
 * a stretch with many values is halved until it is small enough to be done again. Each stretch that is done
 * is noted, so that a later run goes on behind it. At the end of a measurement the destination counts too.
 */

import { isUtf8 } from 'node:buffer';
import { encodeText, printableText } from '../../../../src/base/text.ts';
import { Servers } from '../../../client/servers.ts';
import { CommandError } from '../command-error.ts';
import {
  type Copied,
  copyPoints,
  countValues,
  type FieldCounts,
  type PointSet,
  sourceOf,
} from './copy-points.ts';
import { copySchema } from './copy-schema.ts';
import { ImportReport, type Totals } from './import-report.ts';
import type { ImportParts } from './import-text.ts';
import { interruptedStatus } from './interrupt.ts';
import { Journal } from './journal.ts';
import { siblingName } from './line-writer.ts';
import {
  allTimes,
  type FieldTypes,
  highestType,
  listContinuousQueries,
  listDatabases,
  listFieldTypes,
  listMeasurements,
  listPolicies,
  listShardGroups,
  readDurationMs,
  type Span,
} from './schema.ts';
import { QueryRefused, Source } from './source.ts';

export interface InfluxImport {
  readonly urls: readonly string[];
  /** URLs it goes to. */
  readonly target: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** Empty = all but `_internal`. */
  readonly databases: readonly string[];
  /** Empty = all. */
  readonly policies: readonly string[];
  readonly measurements: readonly string[];
  readonly span: Span;
  readonly withQueries: boolean;
  readonly chunkRows: number;
  readonly batchMax: number;
  /** '' = in the current directory, named after the source. */
  readonly journal: string;
  readonly restart: boolean;
}

/** What a run has done: a stretch, or that one is halved. */
interface Step extends Totals {
  readonly key: string;
  readonly counts?: Readonly<Record<string, number>>;
  readonly isHalved?: true;
}

/** Values of a stretch above which it is halved: what is done again after a crash. */
const stretchValuesMax = 2_000_000;
/** ns; a stretch that short is taken as it is. */
const stretchMin = 1_000_000n;

function keyOf({ database, policy, measurement }: PointSet, { from, until }: Span): string {
  return JSON.stringify([database, policy, measurement, String(from), String(until)]);
}

/** What the policy keeps by now: older points would be refused. */
function withoutExpired(spans: readonly Span[], duration: string): readonly Span[] {
  const lengthMs = readDurationMs(duration);
  if (lengthMs === undefined) return spans;
  const first = BigInt(Date.now() - lengthMs) * 1_000_000n;
  return spans
    .filter(({ until }) => until > first)
    .map((span) => (span.from < first ? { ...span, from: first } : span));
}

/** A measurement in a policy, and the stretches of time to read it in. */
interface Work {
  readonly set: PointSet;
  readonly types: FieldTypes;
  readonly spans: readonly Span[];
  /** From the first to the last, and between. */
  readonly whole: Span;
  /** The policy drops points with time, at the destination too. */
  readonly expires: boolean;
}

class InfluxImporter {
  readonly #wanted: InfluxImport;
  readonly #parts: ImportParts;
  readonly #from: Source;
  readonly #journal: Journal<Step>;
  readonly #known: ReadonlyMap<string, Step>;
  readonly #report: ImportReport;
  #spansDone = 0;
  #spansAll = 0;
  #problems = 0;

  constructor(wanted: InfluxImport, parts: ImportParts) {
    const { urls, headers, chunkRows, databases, policies, measurements, span } = wanted;
    const { signal, notes, io } = parts;
    this.#wanted = wanted;
    this.#parts = parts;
    const note = (message: string) => notes.say(message);
    this.#from = new Source({ servers: new Servers(urls), headers, chunkRows, signal, note });
    const host = new URL(urls[0]!).host.replace(/[^\w.-]/g, '-');
    const path = wanted.journal === '' ? `citadel-import-${host}.journal` : wanted.journal;
    const times = [String(span.from), String(span.until)];
    const task = JSON.stringify([urls, wanted.target, databases, policies, measurements, times]);
    this.#journal = Journal.open<Step>(path, task, wanted.restart);
    this.#known = new Map(this.#journal.steps.map((step) => [step.key, step]));
    this.#report = new ImportReport(io, { written: 0, refused: 0 }, () => ({
      share: this.#spansAll === 0 ? undefined : this.#spansDone / this.#spansAll,
      before: 0,
    }));
    notes.say = (message) => this.#report.note(message);
    if (this.#known.size > 0) this.#report.note(`going on (${this.#journal.path})`);
  }

  /** The exit status. */
  async run(): Promise<number> {
    const { signal, io } = this.#parts;
    try {
      await this.#copyAll();
    } catch (error) {
      this.#report.leave();
      if (!signal.aborted) throw this.#withHint(error);
    }
    if (signal.aborted) {
      io.err(`citadel: interrupted; ${this.#howToGoOn()}\n`);
      return interruptedStatus;
    }
    this.#journal.remove();
    const status = this.#report.finish();
    return this.#problems > 0 ? 1 : status;
  }

  #howToGoOn(): string {
    return `the same command goes on where it stopped (${this.#journal.path})`;
  }

  #withHint(error: unknown): unknown {
    if (!(error instanceof CommandError)) return error;
    return new CommandError(`${error.message}; ${this.#howToGoOn()}`);
  }

  async #copyAll(): Promise<void> {
    await this.#parts.destination.ping();
    const present = await listDatabases(this.#from);
    const { databases, withQueries } = this.#wanted;
    const absent = databases.find((name) => !present.includes(name));
    if (absent !== undefined) {
      throw new CommandError(`${this.#from.url} has no database ${JSON.stringify(absent)}`);
    }
    const chosen =
      databases.length > 0 ? databases : present.filter((name) => name !== '_internal');
    const works: Work[] = [];
    for (const database of chosen) works.push(...(await this.#planDatabase(database)));
    this.#spansAll = works.reduce((sum, { spans }) => sum + spans.length, 0);
    for (const work of works) await this.#copyWork(work);
    if (withQueries) for (const database of chosen) await this.#copyQueries(database);
  }

  async #planDatabase(database: string): Promise<Work[]> {
    const policies = await listPolicies(this.#from, database);
    await copySchema(this.#parts, database, policies);
    const groups = await this.#listGroups(database);
    const chosen = policies.filter(
      ({ name }) => this.#wanted.policies.length === 0 || this.#wanted.policies.includes(name),
    );
    const works: Work[] = [];
    for (const measurement of await this.#listMeasurements(database)) {
      const types = await listFieldTypes(this.#from, database, measurement);
      this.#checkTypes(database, measurement, types, groups !== undefined);
      for (const { name, duration } of chosen) {
        const all = groups === undefined ? [this.#wanted.span] : (groups.get(name) ?? []);
        const spans = withoutExpired(all, duration);
        const [whole] = withoutExpired([this.#wanted.span], duration);
        const set = { database, policy: name, measurement };
        const expires = readDurationMs(duration) !== undefined;
        if (whole !== undefined) works.push({ set, types, spans, whole, expires });
      }
    }
    return works;
  }

  async #listMeasurements(database: string): Promise<string[]> {
    const { measurements } = this.#wanted;
    const all = await listMeasurements(this.#from, database);
    const chosen = measurements.length === 0 ? all : all.filter((n) => measurements.includes(n));
    return chosen.filter((name) => {
      if (isUtf8(encodeText(name))) return true;
      this.#problem(`cannot ask for measurement ${printableText(name)}: its name is not UTF-8`);
      return false;
    });
  }

  /** Undefined = the user may not see them. */
  async #listGroups(database: string): Promise<ReadonlyMap<string, readonly Span[]> | undefined> {
    try {
      return await listShardGroups(this.#from, database, this.#wanted.span);
    } catch (error) {
      if (!(error instanceof QueryRefused)) throw error;
      this.#report.note(`shard groups stay unknown: ${error.message}`);
      return undefined;
    }
  }

  #checkTypes(database: string, measurement: string, types: FieldTypes, hasGroups: boolean): void {
    for (const [field, all] of types) {
      if (all.size < 2) continue;
      const what = `field ${JSON.stringify(field)} of ${JSON.stringify(measurement)} in ${database}`;
      const shown = [...all].join(' and ');
      if (!hasGroups) {
        throw new CommandError(
          `cannot tell the types of ${what} (${shown}) apart without SHOW SHARDS; use a user with all privileges`,
        );
      }
      this.#report.note(
        `${what} is ${shown}: it keeps its name for ${highestType(all)}, other values go to ${field}_TYPE`,
      );
    }
  }

  async #copyWork(work: Work): Promise<void> {
    const { set, types, spans } = work;
    const total = new Map<string, number>();
    let refused = 0;
    for (const span of spans) {
      refused += await this.#copyStretch(set, span, types, total);
      this.#spansDone += 1;
    }
    await this.#compareSource(work, total);
    if (refused === 0 && total.size > 0) await this.#compareDestination(work, total);
  }

  /** All stretches together hold what the measurement holds. */
  async #compareSource({ set, types, whole }: Work, total: FieldCounts): Promise<void> {
    for (const [field, count] of await countValues(this.#from, set, whole)) {
      const read = total.get(field) ?? 0;
      // Of several types only one is counted when all shard groups are asked at once.
      if (read >= count || (types.get(field)?.size ?? 0) > 1) continue;
      this.#problem(
        `${sourceOf(set)}: of field ${JSON.stringify(field)} ${read} values were read, the source has ${count}; import again what is new`,
      );
    }
  }

  /** Resolves with the points refused; `total` grows by the values read. */
  async #copyStretch(
    set: PointSet,
    span: Span,
    types: FieldTypes,
    total: Map<string, number>,
  ): Promise<number> {
    const { signal } = this.#parts;
    if (signal.aborted) throw new CommandError('interrupted');
    const key = keyOf(set, span);
    const known = this.#known.get(key);
    if (known !== undefined && known.isHalved !== true) {
      this.#report.totals.written += known.written;
      this.#report.totals.refused += known.refused;
      addCounts(total, new Map(Object.entries(known.counts ?? {})));
      return known.refused;
    }
    const expected =
      known === undefined ? await countValues(this.#from, set, span) : new Map<string, number>();
    const values = [...expected.values()].reduce((sum, count) => sum + count, 0);
    if (known === undefined && values === 0) return 0;
    const isLarge = values > stretchValuesMax && span.until - span.from > stretchMin;
    if (known !== undefined || isLarge) {
      if (known === undefined) this.#journal.note({ key, isHalved: true, written: 0, refused: 0 });
      const middle = (span.from + span.until) / 2n;
      const first = await this.#copyStretch(set, { ...span, until: middle }, types, total);
      return first + (await this.#copyStretch(set, { ...span, from: middle }, types, total));
    }
    const copied = await copyPoints(
      { ...this.#parts, source: this.#from, batchMax: this.#wanted.batchMax },
      set,
      span,
      types,
      expected,
    );
    this.#noteStretch(key, copied);
    addCounts(total, copied.counts);
    return copied.refused;
  }

  #noteStretch(key: string, { written, refused, counts, refusals }: Copied): void {
    this.#report.totals.written += written;
    for (const refusal of refusals) this.#report.refuse(refusal);
    this.#journal.note({ key, written, refused, counts: Object.fromEntries(counts) });
  }

  /** The destination must have at least the values that were read. */
  async #compareDestination({ set, types, expires }: Work, total: FieldCounts): Promise<void> {
    const stored = await countValues(this.#parts.source, set, allTimes);
    for (const [field, count] of total) {
      const names = [field];
      if ((types.get(field)?.size ?? 0) > 1) {
        for (const type of types.get(field)!) names.push(siblingName(field, type, types));
      }
      const found = names.reduce((sum, name) => sum + (stored.get(name) ?? 0), 0);
      if (found >= count) continue;
      const text = `${sourceOf(set)}: field ${JSON.stringify(field)} has ${found} of ${count} values at the destination`;
      if (expires) this.#report.note(`${text}; others may have expired meanwhile`);
      else this.#problem(text);
    }
  }

  async #copyQueries(database: string): Promise<void> {
    const { source, destination } = this.#parts;
    const present = await listContinuousQueries(source, database);
    for (const { name, text } of await listContinuousQueries(this.#from, database)) {
      if (!present.some((query) => query.name === name)) await destination.run(text);
    }
  }

  #problem(text: string): void {
    this.#problems += 1;
    this.#report.note(text);
  }
}

function addCounts(total: Map<string, number>, counts: FieldCounts): void {
  for (const [field, count] of counts) total.set(field, (total.get(field) ?? 0) + count);
}

export function importInflux(wanted: InfluxImport, parts: ImportParts): Promise<number> {
  return new InfluxImporter(wanted, parts).run();
}
