/** What a server that speaks InfluxDB 1.x holds: databases, policies, measurements, fields, shard groups. */

import { maxTime, minTime } from '../../../../src/model/time.ts';
import type { MsgpackValue } from './msgpack.ts';
import { QueryRefused, type SeriesPart, type Source } from './source.ts';

export interface Policy {
  readonly name: string;
  /** As InfluxQL takes it: `168h0m0s`, `INF`. */
  readonly duration: string;
  readonly shardDuration: string;
  readonly isDefault: boolean;
}

/** From low to high: what a field of several types counts as is the last of those it has. */
const typeOrder = ['boolean', 'string', 'unsigned', 'integer', 'float'] as const;
export type SourceFieldType = (typeof typeOrder)[number];

/** Field -> all types that it has somewhere. */
export type FieldTypes = ReadonlyMap<string, ReadonlySet<SourceFieldType>>;

/** ns; `until` is behind the last. */
export interface Span {
  readonly from: bigint;
  readonly until: bigint;
}

export const allTimes: Span = { from: minTime, until: maxTime + 1n };

/** A name as InfluxQL takes it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

export function quoteSource(database: string, policy: string, measurement: string): string {
  return [database, policy, measurement].map(quoteName).join('.');
}

function columnOf(part: SeriesPart, column: string): MsgpackValue[] {
  const at = part.columns.indexOf(column);
  return part.values.map((row) => row[at] ?? null);
}

function textsOf(parts: readonly SeriesPart[], column: string): string[] {
  return parts.flatMap((part) => columnOf(part, column).map(String));
}

export async function listDatabases(source: Source): Promise<string[]> {
  return textsOf(await source.ask('SHOW DATABASES'), 'name');
}

export async function listMeasurements(source: Source, database: string): Promise<string[]> {
  return textsOf(await source.ask(`SHOW MEASUREMENTS ON ${quoteName(database)}`), 'name');
}

function toDuration(text: MsgpackValue | undefined): string {
  return text === '0s' || text === '0' || text === undefined ? 'INF' : String(text);
}

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000 };

/** ms of `168h0m0s`; undefined = for ever. */
export function readDurationMs(text: string): number | undefined {
  if (text === 'INF') return undefined;
  const parts = [...text.matchAll(/(\d+)([hms])/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * unitMs[unit!]!, 0);
}

export async function listPolicies(source: Source, database: string): Promise<Policy[]> {
  const parts = await source.ask(`SHOW RETENTION POLICIES ON ${quoteName(database)}`);
  return parts.flatMap(({ columns, values }) =>
    values.map((row) => {
      const get = (column: string) => row[columns.indexOf(column)];
      return {
        name: String(get('name')),
        duration: toDuration(get('duration')),
        shardDuration: String(get('shardGroupDuration')),
        isDefault: get('default') === true,
      };
    }),
  );
}

/** Series by measurement, for progress: empty where the server does not say. */
export async function countSeries(
  source: Source,
  database: string,
): Promise<ReadonlyMap<string, number>> {
  try {
    const parts = await source.ask(`SHOW SERIES EXACT CARDINALITY ON ${quoteName(database)}`);
    return new Map(parts.map((part) => [part.name, Number(columnOf(part, 'count')[0] ?? 0)]));
  } catch (error) {
    if (error instanceof QueryRefused) return new Map();
    throw error;
  }
}

function asFieldType(text: string): SourceFieldType {
  return typeOrder.find((type) => type === text) ?? 'float';
}

export async function listFieldTypes(
  source: Source,
  database: string,
  measurement: string,
): Promise<FieldTypes> {
  const query = `SHOW FIELD KEYS ON ${quoteName(database)} FROM ${quoteName(measurement)}`;
  const types = new Map<string, Set<SourceFieldType>>();
  for (const part of await source.ask(query)) {
    const names = columnOf(part, 'fieldKey').map(String);
    const found = columnOf(part, 'fieldType').map(String).map(asFieldType);
    for (const [i, name] of names.entries()) {
      types.set(name, (types.get(name) ?? new Set()).add(found[i]!));
    }
  }
  return types;
}

/** What InfluxDB takes a field of several types for. */
export function highestType(types: ReadonlySet<SourceFieldType>): SourceFieldType {
  return typeOrder.findLast((type) => types.has(type)) ?? 'float';
}

/** `2020-01-06T00:00:00Z`: shown to the second, whatever it is. */
function readTime(text: MsgpackValue | undefined): bigint {
  return BigInt(Date.parse(String(text))) * 1_000_000n;
}

function clamp({ from, until }: Span, bounds: Span): Span {
  return {
    from: from < bounds.from ? bounds.from : from,
    until: until > bounds.until ? bounds.until : until,
  };
}

/**
 * Stretches of time in which a field has one type, policy -> stretches in order, cut to `bounds`.
 * @throws QueryRefused without the right to SHOW SHARDS
 */
export async function listShardGroups(
  source: Source,
  database: string,
  bounds: Span,
): Promise<ReadonlyMap<string, readonly Span[]>> {
  const policies = new Map<string, Map<bigint, Span>>();
  for (const { columns, values } of await source.ask('SHOW SHARDS')) {
    for (const row of values) {
      const get = (column: string) => row[columns.indexOf(column)];
      if (get('database') !== database) continue;
      const from = readTime(get('start_time'));
      const policy = String(get('retention_policy'));
      const spans = policies.get(policy) ?? new Map<bigint, Span>();
      // A fraction of the last second is not shown.
      const until = readTime(get('end_time')) + 1_000_000_000n;
      policies.set(policy, spans.set(from, { from, until }));
    }
  }
  const sorted = [...policies].map(([policy, spans]): [string, Span[]] => [
    policy,
    withoutOverlaps([...spans.values()], bounds),
  ]);
  return new Map(sorted);
}

/** In order; each ends where the next one begins at the latest. */
function withoutOverlaps(spans: Span[], bounds: Span): Span[] {
  spans.sort((a, b) => (a.from < b.from ? -1 : 1));
  return spans
    .map(({ from, until }, i) => {
      const next = spans[i + 1]?.from ?? until;
      return clamp({ from, until: next < until ? next : until }, bounds);
    })
    .filter(({ from, until }) => from < until);
}

export interface ContinuousQuery {
  readonly name: string;
  readonly text: string;
}

export async function listContinuousQueries(
  source: Source,
  database: string,
): Promise<ContinuousQuery[]> {
  const parts = await source.ask('SHOW CONTINUOUS QUERIES');
  return parts
    .filter(({ name }) => name === database)
    .flatMap(({ columns, values }) =>
      values.map((row) => ({
        name: String(row[columns.indexOf('name')]),
        text: String(row[columns.indexOf('query')]),
      })),
    );
}

/** The statement that makes a policy: with its database, when it is the default one. */
export function createPolicy(database: string, policy: Policy, withDatabase: boolean): string {
  const name = quoteName(policy.name);
  const on = quoteName(database);
  const shard = /^0+s?$/.test(policy.shardDuration)
    ? ''
    : ` SHARD DURATION ${policy.shardDuration}`;
  const terms = `DURATION ${policy.duration} REPLICATION 1${shard}`;
  if (withDatabase) return `CREATE DATABASE ${on} WITH ${terms} NAME ${name}`;
  const isDefault = policy.isDefault ? ' DEFAULT' : '';
  return `CREATE RETENTION POLICY ${name} ON ${on} ${terms}${isDefault}`;
}
