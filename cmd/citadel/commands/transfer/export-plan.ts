/** What an export reads, in which order: databases, measurements, stretches of time. */

import { CommandError } from '../command-error.ts';
import type { ExportedDatabase, ExportFormat } from './export-formats.ts';
import {
  countSeries,
  type FieldTypes,
  listContinuousQueries,
  listDatabases,
  listMeasurements,
  listPolicies,
  listShardGroups,
  quoteSource,
  type Span,
} from './schema.ts';
import { QueryRefused, type Source } from './source.ts';

export interface ExportTask {
  readonly format: ExportFormat;
  /** Empty = all but `_internal`. */
  readonly databases: readonly string[];
  readonly policies: readonly string[];
  readonly measurements: readonly string[];
  readonly span: Span;
  readonly withQueries: boolean;
}

/** A measurement in a policy. */
export interface Section {
  readonly database: string;
  readonly policy: string;
  readonly measurement: string;
  /** Series, as far as the server says: how much of the work it is. */
  readonly weight: number;
}

export function placeOf({ database, policy }: Section): string {
  return JSON.stringify([database, policy]);
}

export function selectPoints(section: Section, { from, until }: Span): string {
  const { database, policy, measurement } = section;
  const source = quoteSource(database, policy, measurement);
  return `SELECT *::field FROM ${source} WHERE time >= ${from} AND time < ${until}`;
}

/** @throws CommandError */
export async function planDatabases(source: Source, task: ExportTask): Promise<ExportedDatabase[]> {
  const { databases, policies: wanted, withQueries } = task;
  const present = await listDatabases(source);
  const absent = databases.find((name) => !present.includes(name));
  if (absent !== undefined) {
    throw new CommandError(`${source.url} has no database ${JSON.stringify(absent)}`);
  }
  const chosen = databases.length > 0 ? databases : present.filter((n) => n !== '_internal');
  const listed: ExportedDatabase[] = [];
  for (const name of chosen) {
    const all = await listPolicies(source, name);
    const policies = all.filter(({ name: rp }) => wanted.length === 0 || wanted.includes(rp));
    const queries = withQueries ? await listContinuousQueries(source, name) : [];
    listed.push({ name, policies, queries: queries.map(({ text }) => text) });
  }
  return listed;
}

/** Those that have points in the span, policy by policy. @throws CommandError */
export async function planSections(
  source: Source,
  task: ExportTask,
  { name: database, policies }: ExportedDatabase,
): Promise<Section[]> {
  const { measurements: wanted } = task;
  const all = await listMeasurements(source, database);
  const chosen = all.filter((name) => wanted.length === 0 || wanted.includes(name));
  const series = await countSeries(source, database);
  const sections: Section[] = [];
  for (const { name: policy } of policies) {
    for (const measurement of chosen) {
      const weight = Math.max(1, series.get(measurement) ?? 1);
      const section = { database, policy, measurement, weight };
      const found = await source.ask(`${selectPoints(section, task.span)} LIMIT 1`);
      if (found.length > 0) sections.push(section);
    }
  }
  return sections;
}

export interface Stretches {
  /** In order. */
  readonly spans: readonly Span[];
  /** Each must be read for itself. */
  readonly isMixed: boolean;
}

/** All of `span`, cut where shard groups but the first begin. */
function cutSpan(span: Span, groups: readonly Span[]): Span[] {
  const starts = [span.from, ...groups.slice(1).map(({ from }) => from)];
  return starts.map((from, i) => ({ from, until: starts[i + 1] ?? span.until }));
}

type ShardGroups = ReadonlyMap<string, readonly Span[]>;

/** Says by which stretches of time measurements are read. */
export class StretchPlanner {
  readonly #source: Source;
  readonly #span: Span;
  readonly #isCut: boolean;
  /** Database -> its shard groups when they were needed first; older ones only cut elsewhere. */
  readonly #known = new Map<string, ShardGroups>();

  /** `isCut`: the export can be gone on with, so that there are places wanted for that. */
  constructor(source: Source, span: Span, isCut: boolean) {
    this.#source = source;
    this.#span = span;
    this.#isCut = isCut;
  }

  /**
   * InfluxDB shows the values of one type where a field has several, unless shard groups are read one by one.
   * @throws CommandError
   */
  async plan({ database, policy }: Section, types: FieldTypes): Promise<Stretches> {
    const isMixed = [...types.values()].some((all) => all.size > 1);
    if (isMixed) {
      const groups = await listShardGroups(this.#source, database, this.#span);
      return { spans: groups.get(policy) ?? [], isMixed };
    }
    const groups = this.#isCut ? ((await this.#listOnce(database)).get(policy) ?? []) : [];
    return { spans: cutSpan(this.#span, groups), isMixed };
  }

  /** Nothing for who may not see them. */
  async #listOnce(database: string): Promise<ShardGroups> {
    let groups = this.#known.get(database);
    if (groups !== undefined) return groups;
    try {
      groups = await listShardGroups(this.#source, database, this.#span);
    } catch (error) {
      if (!(error instanceof QueryRefused)) throw error;
      groups = new Map();
    }
    this.#known.set(database, groups);
    return groups;
  }
}
