/** A data node on another machine, as if it were here: the same interface, the same errors. */

import { CitadelError } from '../../base/errors.ts';
import type { StoreKind } from '../../model/cluster.ts';
import type { Hlc } from '../../model/entry.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../../model/plan.ts';
import type {
  DataNodeApi,
  DataNodeStatus,
  KvReads,
  ReadOptions,
  ShardDigest,
  WriteShardRequest,
  WriteShardResponse,
} from '../data-node-api.ts';
import { dataNodeService as method } from '../methods.ts';
import { fieldsOf, listOf, wrongField } from '../wire/fields.ts';
import { kvGetBlockOf, kvScanBlockOf } from '../wire/kv-requests.ts';
import { decodeMessage, emptyMessage, encodeMessage, valuesOf } from '../wire/requests.ts';
import { decodeValues } from '../wire/value-reader.ts';
import type { CallLimits, NodeCalls } from './node-calls.ts';
import type { WriteCalls } from './write-calls.ts';

/** No call lasts for ever, whatever its caller thinks. */
const deadline = {
  statusMs: 5_000,
  dropMs: 60_000,
  digestMs: 600_000,
  streamMs: 3_600_000,
} as const;

export interface RemoteNode {
  /** Of the node as the map has it now. @throws CitadelError `unavailable` when it is not known */
  readonly calls: () => NodeCalls;
  readonly writes: () => WriteCalls;
  /** Worker threads of the node. */
  readonly workers: () => number;
  /** Before a redirect is passed on: resolves when a newer map that the node told of has been looked at. */
  readonly mapSettled: () => Promise<void>;
}

function checkBlock<T>(
  value: unknown,
  check: (block: Readonly<Record<string, unknown>>) => boolean,
): T {
  const block = fieldsOf(value, 'block');
  if (!check(block)) throw wrongField('block');
  return value as T;
}

function scanBlockOf(value: unknown): ScanBlock {
  return checkBlock(value, ({ kind, group, times, windows }) => {
    const isRaw = kind === 'raw' && times instanceof BigInt64Array;
    const isAggregate = kind === 'aggregate' && windows instanceof BigInt64Array;
    return Array.isArray(group) && (isRaw || isAggregate);
  });
}

function schemaBlockOf(value: unknown): SchemaBlock {
  return checkBlock(value, ({ measurement, keys, values }) => {
    return typeof measurement === 'string' && Array.isArray(keys) && Array.isArray(values);
  });
}

export class RemoteDataNode implements DataNodeApi {
  readonly #node: RemoteNode;

  constructor(node: RemoteNode) {
    this.#node = node;
  }

  async writeShard(request: WriteShardRequest, signal?: AbortSignal): Promise<WriteShardResponse> {
    try {
      return await this.#node.writes().write(request, signal);
    } catch (error) {
      await this.#beforeRedirect(error);
      throw error;
    }
  }

  scan(
    shards: readonly number[],
    plan: ShardPlan,
    signal: AbortSignal,
    options?: ReadOptions,
  ): readonly AsyncIterable<ScanBlock>[] {
    return this.#byThread(shards).map((own) => {
      const request = encodeMessage({ shards: own, plan, options });
      return this.#stream(method.Scan.path, request, { signal, read: scanBlockOf });
    });
  }

  schema(
    shards: readonly number[],
    plan: SchemaPlan,
    signal: AbortSignal,
    options?: ReadOptions,
  ): readonly AsyncIterable<SchemaBlock>[] {
    return this.#byThread(shards).map((own) => {
      const request = encodeMessage({ shards: own, plan, options });
      return this.#stream(method.Schema.path, request, { signal, read: schemaBlockOf });
    });
  }

  readonly kv: KvReads = {
    get: (table, parts, signal, options) => {
      const partOf = new Map(parts.map((part) => [part.shard, part]));
      return this.#byThread([...partOf.keys()]).map((own) => {
        const asked = own.map((shard) => partOf.get(shard));
        const request = encodeMessage({ table, parts: asked, options });
        return this.#stream(method.KvGet.path, request, { signal, read: kvGetBlockOf });
      });
    },
    scan: (shards, plan, signal, options) =>
      this.#byThread(shards).map((own) => {
        const request = encodeMessage({ shards: own, plan, options });
        return this.#stream(method.KvScan.path, request, { signal, read: kvScanBlockOf });
      }),
  };

  async dropData(dbId: string, rpId: string | undefined): Promise<void> {
    const limits = { deadlineMs: deadline.dropMs };
    await this.#call(method.DropData.path, encodeMessage({ dbId, rpId }), limits);
  }

  async digest(
    kind: StoreKind,
    shards: readonly number[],
    horizon: Hlc,
    signal: AbortSignal,
  ): Promise<readonly ShardDigest[]> {
    const request = encodeMessage({ kind, shards, horizon });
    const limits = { deadlineMs: deadline.digestMs, signal };
    const answer = decodeMessage(await this.#call(method.Digest.path, request, limits));
    return listOf(answer, fieldsOf, 'digest') as unknown as ShardDigest[];
  }

  async status(): Promise<DataNodeStatus> {
    const limits = { deadlineMs: deadline.statusMs };
    const answer = await this.#call(method.Status.path, emptyMessage, limits);
    const status = fieldsOf(decodeMessage(answer), 'status');
    listOf(status.shards, fieldsOf, 'shard status');
    return status as unknown as DataNodeStatus;
  }

  async #call(path: string, message: Buffer, limits: CallLimits): Promise<Buffer> {
    try {
      return await this.#node.calls().unary(path, message, limits);
    } catch (error) {
      await this.#beforeRedirect(error);
      throw error;
    }
  }

  async *#stream<T>(
    path: string,
    message: Buffer,
    { signal, read }: { readonly signal: AbortSignal; readonly read: (value: unknown) => T },
  ): AsyncGenerator<T> {
    const limits = { deadlineMs: deadline.streamMs, signal };
    try {
      for await (const part of this.#node.calls().stream(path, message, limits)) {
        for (const value of decodeValues(valuesOf(part))) yield read(value);
      }
    } catch (error) {
      await this.#beforeRedirect(error);
      throw error;
    }
  }

  /** Whoever is redirected reads the map next: by then it is the newer one. */
  async #beforeRedirect(error: unknown): Promise<void> {
    if (error instanceof CitadelError && error.code === 'redirect') await this.#node.mapSettled();
  }

  #byThread(shards: readonly number[]): number[][] {
    const workers = Math.max(this.#node.workers(), 1);
    const groups = new Map<number, number[]>();
    for (const shard of shards) {
      const own = groups.get(shard % workers);
      if (own === undefined) groups.set(shard % workers, [shard]);
      else own.push(shard);
    }
    return [...groups.values()];
  }
}
