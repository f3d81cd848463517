/**
 * Writes a batch: checked as a whole before anything is sent, then shard by shard at the same time, the frames
 * of one shard one after the other. What became of each entry is told, whatever went wrong.
 */

import { CitadelError, type ErrorCode } from '../../base/errors.ts';
import { sizeOf } from '../../model/key-list.ts';
import { checkTableName, describeBadPair } from '../../model/kv-limits.ts';
import type { ConsistencyLevel } from '../../rpc/data-node-api.ts';
import { type KvBatch, type KvWriteReport, kvBatchEntriesMax, kvOutcome } from '../key-values.ts';
import type { BrokerParts } from '../parts.ts';
import { shardsOf } from '../route/route-parts.ts';
import { deadlineMs, FrameSender } from '../write/send-frame.ts';
import { framesOf, groupByShard, keysPerTurn } from './split-batch.ts';

const levels = new Map<string, ConsistencyLevel>([
  ['auto', 'auto'],
  ['any', 'any'],
  ['one', 'one'],
  ['quorum', 'quorum'],
  ['all', 'all'],
]);
/** Errors that say for certain that nothing was stored. */
const notAppliedCodes: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'disk-full',
  'read-only',
  'redirect',
]);

function levelOf({ defaultLevel }: BrokerParts, asked: string): ConsistencyLevel {
  const level = asked === '' ? defaultLevel : levels.get(asked.toLowerCase());
  if (level === undefined) {
    throw new CitadelError('invalid-argument', 'invalid consistency level');
  }
  return level;
}

/** @throws CitadelError `invalid-argument`, `too-large` */
function checkBatch({ table, keys, values }: KvBatch): void {
  checkTableName(table);
  const count = keys.ends.length;
  if (count === 0) throw new CitadelError('invalid-argument', 'the batch is empty');
  if (count > kvBatchEntriesMax) {
    throw new CitadelError(
      'too-large',
      `the batch has ${count} entries, at most ${kvBatchEntriesMax}`,
    );
  }
  for (let i = 0; i < count; i++) {
    const bad = describeBadPair(sizeOf(keys, i), sizeOf(values, i));
    if (bad === undefined) continue;
    throw new CitadelError('invalid-argument', `entry ${i}: ${bad}; nothing was applied`);
  }
}

class BatchResult {
  readonly outcomes: Uint8Array;
  copies = 0;
  level: ConsistencyLevel = 'all';
  #unknown: unknown;
  #notApplied: CitadelError | undefined;

  constructor(count: number) {
    this.outcomes = new Uint8Array(count).fill(kvOutcome.notApplied);
  }

  note(indices: Uint32Array, outcome: number): void {
    for (const i of indices) this.outcomes[i] = outcome;
  }

  addCopies(copies: number, level: ConsistencyLevel): void {
    if (this.copies !== 0 && copies >= this.copies) return;
    this.copies = copies;
    this.level = level;
  }

  addFailure(indices: Uint32Array, error: unknown): void {
    const isCertain = error instanceof CitadelError && notAppliedCodes.has(error.code);
    this.note(indices, isCertain ? kvOutcome.notApplied : kvOutcome.unknown);
    if (isCertain) this.#notApplied ??= error;
    else this.#unknown ??= error;
  }

  error(): CitadelError | undefined {
    if (this.#unknown === undefined) return this.#notApplied;
    // A refusal by content cannot come from a batch that was checked: it is told as it is.
    if (this.#unknown instanceof CitadelError && !this.#unknown.retryable) return this.#unknown;
    return new CitadelError('timeout', 'timeout', { cause: this.#unknown });
  }
}

/** The client may have tried another node since, and written something newer. @throws CitadelError `timeout` */
function checkAge({ env }: BrokerParts, { notAfterMs }: KvBatch): void {
  if (notAfterMs === undefined || env.clock.wallMs() <= notAfterMs) return;
  throw new CitadelError('timeout', 'the write came too late; nothing was applied');
}

export async function writeBatch(parts: BrokerParts, batch: KvBatch): Promise<KvWriteReport> {
  checkBatch(batch);
  checkAge(parts, batch);
  const level = levelOf(parts, batch.consistency);
  const shardCount = shardsOf(parts.route).length;
  const { timers } = parts.env;
  const groups = await groupByShard(timers, batch.table, batch.keys, shardCount);
  const { writeId, notAfterMs = parts.env.clock.wallMs() + deadlineMs, isAbandoned } = batch;
  const sender = new FrameSender(parts, level, { writeId, notAfterMs, isAbandoned, isHeld: true });
  const result = new BatchResult(batch.keys.ends.length);
  const writeShard = async (shard: number, indices: Uint32Array): Promise<void> => {
    let number = 0;
    for (const part of framesOf(batch, indices, { shard, shardCount })) {
      try {
        const { copies, levelReached } = await sender.send(shard, part.frame, number++);
        result.note(part.indices, kvOutcome.applied);
        result.addCopies(copies, levelReached);
      } catch (error) {
        // Later frames of the shard are not sent: they must not overtake this one's retry.
        result.addFailure(part.indices, error);
        return;
      }
    }
  };
  const isLarge = batch.keys.ends.length > keysPerTurn;
  const written: Promise<void>[] = [];
  for (const [shard, indices] of groups) {
    if (isLarge) await timers.yieldNow();
    const one = writeShard(shard, indices);
    // Looked at below, with the others.
    one.catch(() => undefined);
    written.push(one);
  }
  await Promise.all(written).finally(() => sender.finish());
  return {
    copies: result.copies,
    level: result.level,
    outcomes: result.outcomes,
    error: result.error(),
  };
}
