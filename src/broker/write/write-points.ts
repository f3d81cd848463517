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
import type {
  BodyPart,
  BrokerStats,
  IsAbandoned,
  WriteFloatsRequest,
  WritePartsRequest,
  WriteReport,
  WriteRequest,
  WriteRowsRequest,
  WriteTarget,
} from '../requests.ts';
import { shardsOf } from '../route/route-parts.ts';
import { BatchSplitter, type ShardFrame } from '../split/split.ts';
import type { WritePass, WriteWatch } from '../write-watch.ts';
import { acceptFields, describeConflict, findExpired, findNewFields } from './check-fields.ts';
import { floatBatch } from './float-batch.ts';
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
  readonly isAbandoned?: IsAbandoned | undefined;
}

/** One request on its way: where it goes, what became of it so far. */
class Work {
  readonly target: Target;
  readonly result = new WriteResult();
  readonly sent: Promise<void>[] = [];

  constructor(target: Target) {
    this.target = target;
  }
}

/** Where a slice starts, and the number of its first line. */
interface Place {
  readonly from: number;
  readonly firstLine: number;
}

/** @throws CitadelError `invalid-argument` */
function readPrecision(asked: string): Precision {
  const precision = parsePrecision(asked || 'ns');
  if (precision !== undefined) return precision;
  const text = `invalid precision ${JSON.stringify(asked)} (use n, u, ms, s, m or h)`;
  throw new CitadelError('invalid-argument', text);
}

function optionsOf({ db, precision }: Target) {
  return { database: db.name, precision };
}

/** As many parts as make a slice, one at least. */
function endOfSlice(parts: readonly BodyPart[], from: number, sizeMax: number): number {
  let size = 0;
  let until = from;
  while (until < parts.length && (until === from || size < sizeMax)) {
    size += parts[until++]!.body.length;
  }
  return until;
}

/** What a watch is told of a slice. */
function rowsOf({ measurements, series, rowCount, rowSeries, rowTimes }: ParsedSlice) {
  return { measurements, series, rowCount, rowSeries, rowTimes };
}

export class PointWriter implements RowSink {
  readonly #parts: BrokerParts;
  readonly #stats: BrokerStats;
  readonly #parser: LineParser;
  readonly #splitter = new BatchSplitter();
  readonly #pacer: SlicePacer;
  /** Told of every slice; undefined = nobody cares. */
  watch: WriteWatch | undefined;

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
    const precision = readPrecision(request.precision);
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
    const { isAbandoned } = request;
    const target = { db, policy, precision, nowNs, level, isAbandoned };
    return this.#writeBody(request.body, new Work(target));
  }

  /** @throws CitadelError, see Broker.write */
  async writeParts({ parts, precision, ...where }: WritePartsRequest): Promise<WriteReport> {
    this.#stats.writeRequests++;
    const work = new Work(await this.#open(where, readPrecision(precision)));
    for (let from = 0; from < parts.length; ) {
      const until = endOfSlice(parts, from, this.#pacer.sliceSize);
      const slice = parts.slice(from, until);
      await this.#untilKnown(work, () => this.#parser.parseParts(slice, optionsOf(work.target)));
      from = until;
      if (from < parts.length) await this.#parts.env.timers.yieldNow();
    }
    return this.#conclude(work);
  }

  /** @throws CitadelError, see Broker.write */
  async writeFloats({ slices, ...where }: WriteFloatsRequest): Promise<WriteReport> {
    this.#stats.writeRequests++;
    const work = new Work(await this.#open(where, 'ns'));
    for (const points of slices) {
      const batch = floatBatch(work.target.db.name, points);
      await this.#untilKnown(work, () => batch);
      await this.#parts.env.timers.yieldNow();
    }
    return this.#conclude(work);
  }

  /** @throws CitadelError, see Broker.write */
  async writeRows({ slices, ...where }: WriteRowsRequest): Promise<WriteReport> {
    this.#stats.writeRequests++;
    const work = new Work(await this.#open(where, 'ns'));
    for (const pieces of slices) {
      const batch = { ...rowsBatch(work.target.db.name, pieces), ...wholeSlice };
      await this.#untilKnown(work, () => batch);
      await this.#parts.env.timers.yieldNow();
    }
    return this.#conclude(work);
  }

  async #open(where: WriteTarget, precision: Precision): Promise<Target> {
    const { catalog, env } = this.#parts;
    const level = this.#levelOf(where.consistency);
    if (level === undefined)
      throw new CitadelError('invalid-argument', 'invalid consistency level');
    const db = await catalog.findDatabase(where.database);
    if (db === undefined) throw databaseNotFound(where.database);
    const name = where.policy || db.defaultPolicy;
    const policy = catalog.view.policy(db, name);
    if (policy === undefined) throw policyNotFound(name);
    const { isAbandoned } = where;
    return { db, policy, precision, nowNs: env.clock.wallNs(), level, isAbandoned };
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
    const work = new Work(this.#targetOf(database, policy));
    const batch = { ...rowsBatch(work.target.db.name, pieces), ...wholeSlice };
    await this.#untilKnown(work, () => batch);
    await this.#conclude(work);
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

  async #writeBody(body: Uint8Array, work: Work): Promise<WriteReport> {
    let place: Place = { from: 0, firstLine: 1 };
    while (place.from < body.length) {
      place = await this.#writeSlice(body, place, work);
      if (place.from < body.length) await this.#parts.env.timers.yieldNow();
    }
    return this.#conclude(work);
  }

  async #conclude({ result, sent }: Work): Promise<WriteReport> {
    await Promise.all(sent);
    this.#count(result);
    const error = result.error();
    if (error !== undefined) throw error;
    return result.report;
  }

  async #writeSlice(body: Uint8Array, { from, firstLine }: Place, work: Work): Promise<Place> {
    const { nowNs } = work.target;
    const sizeMax = this.#pacer.sliceOf(body.length - from);
    const options = { ...optionsOf(work.target), nowNs, from, firstLine, sizeMax };
    let next: Place = { from, firstLine };
    const parse = () => {
      const parsed = this.#parser.parse(body, options);
      next = { from: parsed.next, firstLine: parsed.nextLine };
      return parsed;
    };
    await this.#untilKnown(work, parse, sizeMax);
    return next;
  }

  /** Sends the slice if all its fields are known, else returns those that are not. */
  #trySlice(slice: ParsedSlice, work: Work): readonly FieldRegistration[] {
    const unknown = findNewFields(slice, this.#parts.catalog.view, work.target.db.id);
    if (unknown.length === 0) this.#splitSlice(slice, work);
    return unknown;
  }

  /**
   * Tries, registers the fields that were missing, and tries again. `make` is asked anew each time: what the
   * parser has made is gone after a wait. `size`: bytes of text that it stands for.
   */
  async #untilKnown(work: Work, make: () => ParsedSlice, size = 0): Promise<void> {
    for (let count = 0; ; count++) {
      const unknown = this.#pacer.run(size, () => this.#trySlice(make(), work));
      if (unknown.length === 0) return;
      if (count === registerAttemptsMax) {
        throw new CitadelError('unavailable', 'cannot register fields: too many changes');
      }
      await this.#register(work.target.db, unknown);
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

  #splitSlice(slice: ParsedSlice, { target, result, sent }: Work): void {
    const { db, policy, nowNs, level, isAbandoned } = target;
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
    const { name: database } = db;
    const pass = this.watch?.enter({ ...rowsOf(slice), database, policy: policy.name });
    if (pass !== undefined) {
      sent.push(this.#sendWatched(pass, split.frames, target, result));
      return;
    }
    const sender = new FrameSender(this.#parts, level, { isAbandoned });
    for (const frame of split.frames) sent.push(this.#send(sender, frame, result));
  }

  /** Not before the watch lets them go, and the watch hears of their fate before the client does. */
  async #sendWatched(
    pass: WritePass,
    frames: readonly ShardFrame[],
    { level, isAbandoned }: Target,
    result: WriteResult,
  ): Promise<void> {
    const failedBefore = result.failedCount;
    try {
      await pass.ready;
      const sender = new FrameSender(this.#parts, level, { isAbandoned });
      await Promise.all(frames.map((frame) => this.#send(sender, frame, result)));
    } catch (error) {
      result.addFailure(error, 0);
    }
    try {
      await pass.settle(result.failedCount === failedBefore);
    } catch (error) {
      result.addFailure(error, 0);
    }
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
