/**
 * What the nodes agree on about continuous queries, as records of the metadata store:
 *
 *  - progress: how far a query is, and what brokers must know to notice late rows;
 *  - late marks: windows that rows came late for, each made by a broker before it stored them;
 *  - owners: which node runs a query, under that node's lease;
 *  - heeded: up to which revision a node's broker heeds progress, under its lease.
 *
 * Keys and their life: docs/continuous-queries.md.
 */

import { CitadelError } from '../../base/errors.ts';
import type { QueryPlace } from '../../broker/continuous-query.ts';
import type { EntryMark } from '../../broker/requests.ts';
import { parseRecord, renderRecord } from '../../metadata/catalog-records.ts';
import { continuousKeys, encodeName } from '../../metadata/meta-keys.ts';
import type { MetaRecord } from '../../metadata/meta-store.ts';
import type { WindowRule } from '../../query/windows.ts';
import type { Range } from './ranges.ts';
import type { Progress } from './schedule.ts';

/** `<database id>/<encoded name>`, the end of a query's keys. */
export type QueryKey = string;

export interface ProgressRecord extends Progress {
  /** Rows before it are late: windows up to it are settled or about to be. */
  readonly announcedNs: bigint;
  readonly windows: WindowRule;
  readonly sources: readonly QueryPlace[];
  /** Settled windows that failed beyond hope and are tried again now and then. */
  readonly parked: readonly Range[];
}

export interface LateMark {
  /** Which life of the node made it. */
  readonly incarnation: string;
  /** Rows may still be on their way. */
  readonly isOpen: boolean;
  readonly ranges: readonly Range[];
  /** What a read must not miss. */
  readonly marks: readonly EntryMark[];
}

export interface Heeded {
  readonly incarnation: string;
  /** Of the metadata store: what was announced up to it, every write since knows. */
  readonly revision: number;
  readonly marks: readonly EntryMark[];
}

export interface Owner {
  readonly node: string;
}

type Json = Readonly<Record<string, unknown>>;

export function queryKeyOf(dbId: string, name: string): QueryKey {
  return `${dbId}/${encodeName(name)}`;
}

export function progressKey(query: QueryKey): string {
  return continuousKeys.progress + query;
}

export function ownerKey(query: QueryKey): string {
  return continuousKeys.owners + query;
}

export function heededKey(node: string): string {
  return continuousKeys.heeded + encodeName(node);
}

/** Prefix of the late marks of a query. */
export function lateKeys(query: QueryKey): string {
  return `${continuousKeys.late}${query}/`;
}

/** `id` is one of its node's own. */
export function lateKey(query: QueryKey, node: string, id: string): string {
  return `${lateKeys(query)}${encodeName(node)}/${id}`;
}

/** `mark`: its key without the prefix of all, `<query key>/<node>/<id>`. */
export function queryOfMark(mark: string): QueryKey {
  const [dbId = '', name = ''] = mark.split('/');
  return `${dbId}/${name}`;
}

function corrupt({ key }: MetaRecord): CitadelError {
  return new CitadelError('corrupt', `cannot read metadata record '${key}'`);
}

function readNs(record: MetaRecord, value: unknown): bigint {
  if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) throw corrupt(record);
  return BigInt(value);
}

function readText(record: MetaRecord, value: unknown): string {
  if (typeof value !== 'string') throw corrupt(record);
  return value;
}

function readList<T>(
  record: MetaRecord,
  value: unknown,
  read: (record: MetaRecord, item: Json) => T,
): T[] {
  if (!Array.isArray(value)) throw corrupt(record);
  return value.map((item) => {
    if (typeof item !== 'object' || item === null) throw corrupt(record);
    return read(record, item as Json);
  });
}

function renderRanges(ranges: readonly Range[]) {
  return ranges.map(({ from, until }) => ({ from: String(from), until: String(until) }));
}

function readRange(record: MetaRecord, { from, until }: Json): Range {
  return { from: readNs(record, from), until: readNs(record, until) };
}

function readMark(record: MetaRecord, { shard, origin, sequence }: Json): EntryMark {
  if (typeof shard !== 'number' || typeof sequence !== 'number') throw corrupt(record);
  return { shard, origin: readText(record, origin), sequence };
}

function readPlace(record: MetaRecord, { database, policy, measurement }: Json): QueryPlace {
  return {
    database: readText(record, database),
    policy: readText(record, policy),
    measurement: measurement === null ? undefined : readText(record, measurement),
  };
}

export function renderProgress(progress: ProgressRecord): string {
  const { sinceNs, settledNs, ranNs, announcedNs, windows, sources, parked } = progress;
  return renderRecord({
    sinceNs: String(sinceNs),
    settledNs: String(settledNs),
    ranNs: String(ranNs),
    announcedNs: String(announcedNs),
    intervalNs: String(windows.intervalNs),
    offsetNs: String(windows.offsetNs),
    zone: windows.zone ?? null,
    sources: sources.map((source) => ({ ...source, measurement: source.measurement ?? null })),
    parked: renderRanges(parked),
  });
}

/** @throws CitadelError `corrupt`, `unsupported-version`, as the others here */
export function readProgress(record: MetaRecord): ProgressRecord {
  const json = parseRecord(record);
  const zone = json.zone === null ? undefined : readText(record, json.zone);
  return {
    sinceNs: readNs(record, json.sinceNs),
    settledNs: readNs(record, json.settledNs),
    ranNs: readNs(record, json.ranNs),
    announcedNs: readNs(record, json.announcedNs),
    windows: {
      intervalNs: readNs(record, json.intervalNs),
      offsetNs: readNs(record, json.offsetNs),
      zone,
    },
    sources: readList(record, json.sources, readPlace),
    parked: readList(record, json.parked, readRange),
  };
}

export function renderLateMark(mark: LateMark): string {
  return renderRecord({ ...mark, ranges: renderRanges(mark.ranges) });
}

export function readLateMark(record: MetaRecord): LateMark {
  const json = parseRecord(record);
  if (typeof json.isOpen !== 'boolean') throw corrupt(record);
  return {
    incarnation: readText(record, json.incarnation),
    isOpen: json.isOpen,
    ranges: readList(record, json.ranges, readRange),
    marks: readList(record, json.marks, readMark),
  };
}

export function renderHeeded(heeded: Heeded): string {
  return renderRecord({ ...heeded });
}

export function readHeeded(record: MetaRecord): Heeded {
  const json = parseRecord(record);
  if (typeof json.revision !== 'number') throw corrupt(record);
  return {
    incarnation: readText(record, json.incarnation),
    revision: json.revision,
    marks: readList(record, json.marks, readMark),
  };
}

export function renderOwner(owner: Owner): string {
  return renderRecord({ ...owner });
}

export function readOwner(record: MetaRecord): Owner {
  return { node: readText(record, parseRecord(record).node) };
}
