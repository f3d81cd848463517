/**
 * The write path: a body parsed slice by slice, each slice checked, split by shard and sent while the
 * next one is parsed; one answer for all of it.
 *
 * Parser and splitter are shared by all requests of the thread and keep what they learnt, so between parsing and
 * splitting a slice nothing may wait. When new fields must be registered first, the slice is parsed
 * again afterwards: rare, and cheaper than a copy.
 */

import { CitadelError } from '../../base/errors.ts';
import { LineParser, type ParsedSlice } from '../../lineprotocol/lineprotocol.ts';
import { type Precision, parsePrecision } from '../../lineprotocol/precision.ts';
import { beyondRetention } from '../../lineprotocol/write-outcome.ts';
import type { Database, FieldRegistration, RetentionPolicy } from '../../metadata/catalog-view.ts';
import { databaseNotFound, policyNotFound } from '../../metadata/policy-rules.ts';
import type { RowSink, RowTarget, StoredRows } from '../../query/ports.ts';
import type { ConsistencyLevel } from '../../rpc/data-node-api.ts';
import type { BrokerParts } from '../parts.ts';
import type { BrokerStats, WriteReport, WriteRequest } from '../requests.ts';
import { shardsOf } from '../route/route-parts.ts';
import { BatchSplitter, type ShardFrame } from '../split/split.ts';
import { acceptFields, describeConflict, findExpired, findNewFields } from './check-fields.ts';
import { rowsBatch } from './rows-batch.ts';
import { FrameSender } from './send-frame.ts';
import { SlicePacer } from './slice-pacer.ts';
import { WriteResult } from './write-result.ts';

/** Registering may lose races with drops of the measurement; more than a few times is no race. */
const registerAttemptsMax = 5;
const levels = new Map<string, ConsistencyLevel>([
  ['auto', 'auto'],
  ['any', 'any'],
  ['one', 'one'],
  ['quorum', 'quorum'],
  ['all', 'all'],
]);

/** What a parser adds to a batch; rows have no lines that could be wrong. */
const wholeSlice = { next: 0, nextLine: 0, errorCount: 0, droppedCount: 0 } as const;

interface Target {
  readonly db: Database;
  readonly policy: RetentionPolicy;
  readonly precision: Precision;
  readonly nowNs: bigint;
  readonly level: ConsistencyLevel;
}

/** Where a slice starts, and the number of its first line. */
interface Place {
  readonly from: number;
  readonly firstLine: number;
}

export class PointWriter implements RowSink {
  readonly #parts: BrokerParts;
  readonly #stats: BrokerStats;
  readonly #parser: LineParser;
  readonly #splitter = new BatchSplitter();
  readonly #pacer: SlicePacer;

  constructor(parts: BrokerParts, stats: BrokerStats) {
    this.#parts = parts;
    this.#stats = stats;
    this.#pacer = new SlicePacer(parts.env.clock);
    const seed = new DataView(parts.env.rng.bytes(4).buffer).getInt32(0, true);
    this.#parser = new LineParser(seed);
  }

  /** @throws CitadelError, see Broker.write */
  async write(request: WriteRequest): Promise<WriteReport> {
    const { catalog, env } = this.#parts;
    this.#stats.writeRequests++;
    const precision = parsePrecision(request.precision || 'ns');
    if (precision === undefined) {
      const text = `invalid precision ${JSON.stringify(request.precision)} (use n, u, ms, s, m or h)`;
      throw new CitadelError('invalid-argument', text);
    }
    const db = await catalog.findDatabase(request.database);
    if (db === undefined) throw databaseNotFound(request.database);
    const policyName = request.policy || db.defaultPolicy;
    const policy = catalog.view.policy(db, policyName);
    const nowNs = env.clock.wallNs();
    const level = this.#levelOf(request.consistency);
    if (policy === undefined || level === undefined) {
      this.#refuseUnreadable(request, precision, nowNs);
      if (level === undefined)
        throw new CitadelError('invalid-argument', 'invalid consistency level');
      throw policyNotFound(policyName);
    }
    return this.#writeBody(request.body, { db, policy, precision, nowNs, level });
  }

  /** Undefined: no such level. */
  #levelOf(asked: string): ConsistencyLevel | undefined {
    return asked === '' ? this.#parts.defaultLevel : levels.get(asked.toLowerCase());
  }

  /** A body without one good line is refused for that, whatever else is wrong. */
  #refuseUnreadable({ database, body }: WriteRequest, precision: Precision, nowNs: bigint): void {
    const result = new WriteResult();
    const sizeMax = this.#pacer.sliceSize;
    result.lines.addSlice(this.#parser.parse(body, { database, precision, nowNs, sizeMax }));
    const error = result.isUnreadable ? result.error() : undefined;
    if (error !== undefined) throw error;
  }

  /** @throws CitadelError `not-found` */
  check({ database, policy }: RowTarget): void {
    this.#targetOf(database, policy);
  }

  /** @throws CitadelError, see Broker.write */
  async store({ database, policy }: RowTarget, pieces: readonly StoredRows[]): Promise<void> {
    this.#stats.writeRequests++;
    const target = this.#targetOf(database, policy);
    const result = new WriteResult();
    const sent: Promise<void>[] = [];
    const batch = { ...rowsBatch(target.db.name, pieces), ...wholeSlice };
    await this.#untilKnown(target.db, () => this.#trySlice(batch, target, result, sent));
    await this.#conclude(result, sent);
  }

  #targetOf(database: string, policy: string): Target {
    const { catalog, env } = this.#parts;
    const db = catalog.view.database(database);
    if (db === undefined) throw databaseNotFound(database);
    const name = policy || db.defaultPolicy;
    const found = catalog.view.policy(db, name);
    if (found === undefined) throw policyNotFound(name);
    const level = this.#parts.defaultLevel;
    return { db, policy: found, precision: 'ns', nowNs: env.clock.wallNs(), level };
  }

  async #writeBody(body: Uint8Array, target: Target): Promise<WriteReport> {
    const result = new WriteResult();
    const sent: Promise<void>[] = [];
    let place: Place = { from: 0, firstLine: 1 };
    while (place.from < body.length) {
      place = await this.#writeSlice(body, place, target, result, sent);
      if (place.from < body.length) await this.#parts.env.timers.yieldNow();
    }
    return this.#conclude(result, sent);
  }

  async #conclude(result: WriteResult, sent: readonly Promise<void>[]): Promise<WriteReport> {
    await Promise.all(sent);
    this.#count(result);
    const error = result.error();
    if (error !== undefined) throw error;
    return result.report;
  }

  async #writeSlice(
    body: Uint8Array,
    place: Place,
    target: Target,
    result: WriteResult,
    sent: Promise<void>[],
  ): Promise<Place> {
    const size = Math.min(this.#pacer.sliceSize, body.length - place.from);
    let next = place;
    await this.#untilKnown(target.db, () =>
      this.#pacer.run(size, () => {
        const parsed = this.#parse(body, place, target, size);
        next = { from: parsed.next, firstLine: parsed.nextLine };
        return this.#trySlice(parsed, target, result, sent);
      }),
    );
    return next;
  }

  /** Sends the slice if all its fields are known, else returns those that are not. */
  #trySlice(
    slice: ParsedSlice,
    target: Target,
    result: WriteResult,
    sent: Promise<void>[],
  ): readonly FieldRegistration[] {
    const unknown = findNewFields(slice, this.#parts.catalog.view, target.db.id);
    if (unknown.length === 0) this.#splitSlice(slice, target, result, sent);
    return unknown;
  }

  /** Tries, registers the fields that were missing, and tries again. */
  async #untilKnown(db: Database, attempt: () => readonly FieldRegistration[]): Promise<void> {
    for (let count = 0; ; count++) {
      const unknown = attempt();
      if (unknown.length === 0) return;
      if (count === registerAttemptsMax) {
        throw new CitadelError('unavailable', 'cannot register fields: too many changes');
      }
      await this.#register(db, unknown);
    }
  }

  async #register(db: Database, unknown: readonly FieldRegistration[]): Promise<void> {
    try {
      await this.#parts.catalog.registerFields(db.id, unknown);
    } catch (error) {
      const isDropped = error instanceof CitadelError && error.code === 'not-found';
      if (isDropped && this.#parts.catalog.view.database(db.name)?.id !== db.id) {
        throw databaseNotFound(db.name);
      }
      if (!isDropped) throw error;
    }
  }

  #parse(
    body: Uint8Array,
    { from, firstLine }: Place,
    target: Target,
    sizeMax: number,
  ): ParsedSlice {
    const { precision, nowNs } = target;
    const database = target.db.name;
    return this.#parser.parse(body, { database, precision, nowNs, from, firstLine, sizeMax });
  }

  #splitSlice(
    slice: ParsedSlice,
    { db, policy, nowNs, level }: Target,
    result: WriteResult,
    sent: Promise<void>[],
  ): void {
    const { catalog, route } = this.#parts;
    const expired =
      policy.durationNs === 0n ? undefined : findExpired(slice, nowNs - policy.durationNs);
    const split = this.#splitter.split(slice, {
      shardCount: shardsOf(route).length,
      dbId: db.id,
      rpId: policy.id,
      accepts: acceptFields(slice, catalog.view, db.id),
      rowAccepts: expired?.accepts,
    });
    result.lines.addSlice(slice);
    if (split.refusedRows > 0) {
      const field = slice.fields[split.firstRefusedField]!;
      const reason = describeConflict(slice, field, catalog.view, db.id);
      result.lines.addDropped(reason, split.refusedRows);
    }
    if (expired !== undefined) result.lines.addDropped(beyondRetention, expired.count);
    if (split.frames.length === 0) return;
    const sender = new FrameSender(this.#parts, level);
    for (const frame of split.frames) sent.push(this.#send(sender, frame, result));
  }

  async #send(
    sender: FrameSender,
    { shard, frame, rowCount }: ShardFrame,
    result: WriteResult,
  ): Promise<void> {
    try {
      result.addStored(await sender.send(shard, frame), rowCount);
    } catch (error) {
      result.addFailure(error, rowCount);
    }
  }

  #count(result: WriteResult): void {
    this.#stats.pointsWritten += result.storedCount;
    this.#stats.pointsDropped += result.lines.droppedCount;
    this.#stats.pointsFailed += result.failedCount;
    const { unknownCause } = result;
    if (unknownCause !== undefined) {
      this.#parts.env.log.warn('write unknown', { error: String(unknownCause) });
    }
  }
}
