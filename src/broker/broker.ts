/**
 * The broker: what a node does for its clients. Writes are parsed once, checked, split by shard and
 * sent to the data nodes; statements are parsed, and answered from the catalog or by scans.
 */

import { CitadelError } from '../base/errors.ts';
import type { ClusterMap } from '../model/cluster.ts';
import type { StatementResult } from '../query/result.ts';
import { findLosses, type Losses } from './cluster/find-losses.ts';
import { observeNodes } from './cluster/observe-nodes.ts';
import { verifyReplicas } from './cluster/verify-replicas.ts';
import type { KeyValues } from './key-values.ts';
import { KvBroker } from './kv/kv-broker.ts';
import type { BrokerParts } from './parts.ts';
import type {
  BrokerStats,
  DeleteRequest,
  EntryMark,
  NodeStatus,
  ObservedNode,
  OwnStatement,
  QueryRequest,
  ShardVerdict,
  WriteFloatsRequest,
  WritePartsRequest,
  WriteReport,
  WriteRequest,
  WriteRowsRequest,
} from './requests.ts';
import { deleteByPredicate } from './statements/delete-by-predicate.ts';
import { QueryExecutor } from './statements/execute-query.ts';
import { runOwn } from './statements/run-own.ts';
import { PointWriter } from './write/write-points.ts';
import type { WriteWatch } from './write-watch.ts';

export interface Broker {
  readonly stats: BrokerStats;
  /** @throws CitadelError `not-found`: `database not found: "x"` */
  checkDatabase(name: string): Promise<void>;
  /**
   * Resolves when every line is stored. Otherwise throws a CitadelError with InfluxDB's text:
   * `invalid-argument` (lines were refused, others are stored), `not-found` (retention policy),
   * `timeout` (unknown), `overloaded`, `disk-full`, `unavailable` (not all stored; come again).
   */
  write(request: WriteRequest): Promise<WriteReport>;
  /** The same for pieces of line protocol. */
  writeParts(request: WritePartsRequest): Promise<WriteReport>;
  /** The same for points that are columns already. */
  writeFloats(request: WriteFloatsRequest): Promise<WriteReport>;
  /** The same for rows of columns of any type. */
  writeRows(request: WriteRowsRequest): Promise<WriteReport>;
  /**
   * Resolves when the points are gone on all shards.
   *
   * @throws CitadelError `invalid-argument` for a predicate that cannot be read, `not-found`
   */
  deletePoints(request: DeleteRequest): Promise<void>;
  /**
   * Parses all statements at once; runs each when its series are pulled.
   *
   * @throws CitadelError `invalid-argument` with what follows `error parsing query: `
   */
  query(request: QueryRequest): AsyncIterable<StatementResult>;
  /** One watch; a later one takes its place. */
  watchWrites(watch: WriteWatch): void;
  /** Runs a statement of this node's own, with every right. Resolves with how many rows INTO stored. */
  runOwn(statement: OwnStatement): Promise<number>;
  /** The newest entries that this broker's clients count on. */
  acknowledged(): readonly EntryMark[];
  /** No read from here may miss these entries any more. */
  heed(marks: readonly EntryMark[]): void;
  /** How the data node behind it is. */
  status(): Promise<NodeStatus>;
  /** Why this node cannot serve all reads and writes; '' = it can. */
  problem(): Promise<string>;
  readonly map: ClusterMap;
  readonly keyValues: KeyValues;
  /** How every node of the cluster is, as far as each answers in time. */
  observe(): Promise<readonly ObservedNode[]>;
  /** What would be lost if a node never came back. */
  findLosses(node: string): Promise<Losses>;
  /** Compares the contents of all replicas of all shards; verdicts as they come. */
  verify(signal: AbortSignal): AsyncIterable<ShardVerdict>;
}

class NodeBroker implements Broker {
  readonly stats: BrokerStats = {
    writeRequests: 0,
    pointsWritten: 0,
    pointsDropped: 0,
    pointsFailed: 0,
    queriesStarted: 0,
    queriesActive: 0,
    queriesFailed: 0,
    queryMs: 0,
    continuousQueriesOk: 0,
    continuousQueriesFailed: 0,
  };
  readonly keyValues: KeyValues;
  readonly #parts: BrokerParts;
  readonly #writer: PointWriter;
  readonly #executor: QueryExecutor;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.keyValues = new KvBroker(parts);
    this.#writer = new PointWriter(parts, this.stats);
    this.#executor = new QueryExecutor(parts, this.stats, this.#writer);
  }

  async checkDatabase(name: string): Promise<void> {
    if ((await this.#parts.catalog.findDatabase(name)) !== undefined) return;
    throw new CitadelError('not-found', `database not found: ${JSON.stringify(name)}`);
  }

  write(request: WriteRequest): Promise<WriteReport> {
    return this.#writer.write(request);
  }

  writeParts(request: WritePartsRequest): Promise<WriteReport> {
    return this.#writer.writeParts(request);
  }

  writeFloats(request: WriteFloatsRequest): Promise<WriteReport> {
    return this.#writer.writeFloats(request);
  }

  writeRows(request: WriteRowsRequest): Promise<WriteReport> {
    return this.#writer.writeRows(request);
  }

  deletePoints(request: DeleteRequest): Promise<void> {
    return deleteByPredicate(this.#parts, request);
  }

  query(request: QueryRequest): AsyncIterable<StatementResult> {
    return this.#executor.execute(request);
  }

  watchWrites(watch: WriteWatch): void {
    this.#writer.watch = watch;
  }

  runOwn(statement: OwnStatement): Promise<number> {
    return runOwn(this.#executor, statement);
  }

  acknowledged(): readonly EntryMark[] {
    return this.#parts.route.marks.of(this.map.shards.tstore.map(({ shard }) => shard));
  }

  heed(marks: readonly EntryMark[]): void {
    for (const { shard, origin, sequence } of marks) {
      this.#parts.route.marks.note(shard, origin, sequence);
    }
  }

  status(): Promise<NodeStatus> {
    return this.#parts.dataNode.status();
  }

  async problem(): Promise<string> {
    const { state, reason } = await this.status();
    if (state !== 'ok') return reason;
    const { tstore } = this.map.shards;
    if (tstore.length === 0) return 'the cluster waits for more nodes to place its shards on';
    const newCount = tstore.filter(({ isNew }) => isNew).length;
    return newCount === 0 ? '' : `${newCount} shards are being made`;
  }

  get map(): ClusterMap {
    return this.#parts.route.cluster.map;
  }

  observe(): Promise<readonly ObservedNode[]> {
    return observeNodes(this.#parts.route);
  }

  async findLosses(node: string): Promise<Losses> {
    return findLosses(this.map, await this.observe(), node);
  }

  verify(signal: AbortSignal): AsyncIterable<ShardVerdict> {
    return verifyReplicas(this.#parts.route, signal);
  }
}

export function createBroker(parts: BrokerParts): Broker {
  return new NodeBroker(parts);
}
