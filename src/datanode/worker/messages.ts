/**
 * Messages between the main thread and a data worker. Plain data; frames and columns cross as
 * transferred buffers, not as copies.
 */

import type { MessagePort } from 'node:worker_threads';
import { CitadelError, type ErrorCode } from '../../base/errors.ts';
import type { MemoryLimits } from '../../base/memory-budget.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../../model/plan.ts';
import type { ShardStatus } from '../../rpc/data-node-api.ts';
import type { FsyncMode } from '../log/commit-log.ts';
import type { Parcel } from './transfer-blocks.ts';

/** What the stores must know of a retention policy; ids are 16 hex digits. */
export interface RetentionRule {
  readonly dbId: string;
  readonly rpId: string;
  /** 0n = kept for ever. */
  readonly durationNs: bigint;
  readonly shardGroupDurationNs: bigint;
}

/** `workerData` of a data worker. */
export interface WorkerStart {
  readonly root: string;
  readonly shardCount: number;
  readonly logCount: number;
  /** The logs this worker owns; with them go all shards whose number modulo `logCount` is one of them. */
  readonly logIds: readonly number[];
  readonly fsync: FsyncMode;
  readonly fsyncIntervalMs: number;
  readonly segmentBytes: number;
  /** This worker's share: memtables, log buffers and read cache. */
  readonly memoryBytes: number;
  /** Of scans, on top of that. */
  readonly scanMemory: MemoryLimits;
  readonly idleFlushMs: number;
  readonly policies: readonly RetentionRule[];
  readonly writerPort: MessagePort;
}

/** A CitadelError as it crosses threads. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | bigint>>;
}

export interface WriteItem {
  readonly id: number;
  readonly shard: number;
  readonly writeId: Uint8Array;
  readonly frame: Uint8Array;
}

export interface WriteAnswer {
  readonly id: number;
  readonly origin: string;
  readonly sequence: number;
  readonly failure: Failure | undefined;
}

export type StreamRequest =
  | { readonly kind: 'scan'; readonly plan: ShardPlan }
  | { readonly kind: 'schema'; readonly plan: SchemaPlan };

export type StreamBlock = ScanBlock | SchemaBlock;

/** Calls are answered by `done` with the same id. */
export type WorkerCall =
  | { readonly kind: 'drop'; readonly dbId: string; readonly rpId: string | undefined }
  | { readonly kind: 'expire'; readonly nowNs: bigint }
  | { readonly kind: 'purge'; readonly olderThanMs: number }
  | { readonly kind: 'status' }
  | { readonly kind: 'close'; readonly flush: boolean };

export type ToWorker =
  | { readonly kind: 'write'; readonly items: readonly WriteItem[] }
  | {
      readonly kind: 'stream';
      readonly id: number;
      readonly shards: readonly number[];
      readonly request: StreamRequest;
    }
  /** The consumer took blocks of so many bytes. */
  | { readonly kind: 'credit'; readonly id: number; readonly bytes: number }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'call'; readonly id: number; readonly call: WorkerCall }
  | { readonly kind: 'policies'; readonly policies: readonly RetentionRule[] }
  /** Writes are refused while true. */
  | { readonly kind: 'disk'; readonly full: boolean };

export interface WorkerStatus {
  readonly shards: readonly ShardStatus[];
  readonly logBytes: number;
  readonly memoryBytes: number;
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'open-failed'; readonly failure: Failure }
  /** While opening: bytes of log read so far. */
  | { readonly kind: 'progress'; readonly replayedBytes: number }
  | { readonly kind: 'answers'; readonly answers: readonly WriteAnswer[] }
  | {
      readonly kind: 'blocks';
      readonly id: number;
      readonly parcel: Parcel;
      /** Nothing follows, `end` neither. */
      readonly isLast: boolean;
    }
  | { readonly kind: 'end'; readonly id: number; readonly failure: Failure | undefined }
  | {
      readonly kind: 'done';
      readonly id: number;
      readonly failure: Failure | undefined;
      readonly status: WorkerStatus | undefined;
    }
  /** Something did not fit on the disk: room must be made. */
  | { readonly kind: 'disk-full' }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };

export function toFailure(error: unknown): Failure {
  if (error instanceof CitadelError) {
    return { code: error.code, message: error.message, details: error.details };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'internal', message: `internal error: ${text}`, details: {} };
}

export function fromFailure({ code, message, details }: Failure): CitadelError {
  return new CitadelError(code, message, { details });
}
