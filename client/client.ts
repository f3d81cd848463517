/**
 * Citadel's client: keys and values, writes and queries of time series, over gRPC.
 *
 * It finds all nodes through those it is given, asks one of them and goes on to the next when that one fails. Whatever it
 * repeats is safe to repeat. docs/client.md has it by example.
 */

import { CitadelError } from '../src/base/errors.ts';
import type { InfoAnswer } from '../src/rpc/api/cluster-messages.ts';
import type { MixedCell } from '../src/rpc/api/column-messages.ts';
import { decodeQueryAnswer } from '../src/rpc/api/query-answer-messages.ts';
import {
  decodeWriteAnswerMessage,
  encodeQuery,
  encodeWriteMessage,
} from '../src/rpc/api/time-series-messages.ts';
import { timeSeriesService } from '../src/rpc/methods.ts';
import { insist, patienceOf } from './insist.ts';
import { Nodes } from './nodes.ts';
import {
  type ClientOptions,
  type Consistency,
  type Receipt,
  readSettings,
  type Settings,
} from './options.ts';
import { type Points, toPointBlock } from './points.ts';
import { SeriesPiece } from './series.ts';
import { Table } from './table.ts';

/** A query that gives nothing for so long is given up. */
const quietMs = 60_000;

export interface PointOptions {
  readonly retentionPolicy?: string;
  /** Of times in lines; default `n`. */
  readonly precision?: 'n' | 'u' | 'ms' | 's' | 'm' | 'h';
  readonly consistency?: Consistency;
}

export interface QueryOptions {
  readonly database?: string;
  readonly retentionPolicy?: string;
  /** Values of $name in the text: bigints are integers, numbers floats. */
  readonly params?: Readonly<Record<string, string | number | bigint | boolean>>;
}

export interface CitadelClient {
  /** To be kept: single calls go together only with others of the same object. */
  table(name: string): Table;
  /**
   * Stores points: line protocol, or columns. Repeated after a failure: the same points over again, which changes
   * nothing unless somebody else wrote the same fields at the same times meanwhile.
   *
   * @throws CitadelError `invalid-argument` when some were refused: the others are stored; `not-found`; `timeout`,
   *   `unavailable`, `overloaded` when the patience is over
   */
  write(
    database: string,
    points: string | Uint8Array | Points | readonly Points[],
    options?: PointOptions,
  ): Promise<Receipt>;
  /** Pieces of series as they come. @throws CitadelError when a statement fails */
  query(text: string, options?: QueryOptions): AsyncGenerator<SeriesPiece>;
  /** What the node that is asked knows of the cluster. */
  info(): Promise<InfoAnswer>;
  /** Addresses of the nodes, as they are known now. */
  readonly nodes: readonly string[];
  /** Calls under way fail with `cancelled`. Idempotent. */
  close(): void;
}

/** Whether the error is one of Citadel's, with a `code` that says which kind. */
export function isCitadelError(error: unknown): error is CitadelError {
  return error instanceof CitadelError;
}

/** Statements that change nothing, which another node may be asked too. */
function isReadOnly(text: string): boolean {
  const statements = text.split(';').filter((statement) => statement.trim() !== '');
  return statements.every(
    (one) => /^\s*(select|show|explain)\b/i.test(one) && !/\binto\b/i.test(one),
  );
}

function isList(points: Points | readonly Points[]): points is readonly Points[] {
  return Array.isArray(points);
}

class OpenClient implements CitadelClient {
  readonly #settings: Settings;
  readonly #nodes: Nodes;

  constructor(settings: Settings, nodes: Nodes) {
    this.#settings = settings;
    this.#nodes = nodes;
  }

  get nodes(): readonly string[] {
    return this.#nodes.addresses;
  }

  table(name: string): Table {
    return new Table(this.#nodes, this.#settings, name);
  }

  async write(
    database: string,
    points: string | Uint8Array | Points | readonly Points[],
    options: PointOptions = {},
  ): Promise<Receipt> {
    const isText = typeof points === 'string' || points instanceof Uint8Array;
    const blocks = isText ? [] : isList(points) ? points : [points];
    const message = encodeWriteMessage({
      id: 0,
      database,
      policy: options.retentionPolicy ?? '',
      precision: options.precision ?? '',
      consistency: options.consistency ?? this.#settings.consistency,
      lines: isText ? Buffer.from(points) : new Uint8Array(0),
      points: blocks.map(toPointBlock),
    });
    const { path } = timeSeriesService.Write;
    const patience = patienceOf(this.#settings.patienceMs);
    const answer = await insist(this.#nodes, patience, (channel, deadlineMs) =>
      channel.unary(path, message, deadlineMs),
    );
    const { copies, level } = decodeWriteAnswerMessage(answer);
    return { copies, level };
  }

  async *query(text: string, options: QueryOptions = {}): AsyncGenerator<SeriesPiece> {
    const params = new Map<string, MixedCell>(Object.entries(options.params ?? {}));
    const { database = '', retentionPolicy: policy = '' } = options;
    const message = encodeQuery({ database, policy, query: text, params });
    const { path } = timeSeriesService.Query;
    const patience = patienceOf(isReadOnly(text) ? this.#settings.patienceMs : 0);
    // Only the beginning is tried again: what was delivered cannot be taken back.
    const begin = insist(this.#nodes, patience, async (channel) => {
      const parts = channel.stream(path, message, quietMs);
      return { parts, first: await parts.next() };
    });
    const { parts, first } = await begin;
    try {
      for (let part = first; part.done !== true; part = await parts.next()) {
        const { statement, code, error, series } = decodeQueryAnswer(part.value);
        if (error !== '') throw new CitadelError(code as CitadelError['code'], error);
        if (series !== undefined) yield new SeriesPiece(statement, series);
      }
    } finally {
      await parts.return(undefined);
    }
  }

  info(): Promise<InfoAnswer> {
    const patience = patienceOf(this.#settings.patienceMs);
    return insist(this.#nodes, patience, (channel) => this.#nodes.refresh(channel));
  }

  close(): void {
    this.#nodes.close();
  }
}

/**
 * Connects, and resolves when a node has answered.
 *
 * @throws CitadelError `unavailable` when none does before the patience is over; RangeError for options out of range
 */
export async function openClient(options: ClientOptions): Promise<CitadelClient> {
  const settings = readSettings(options);
  const nodes = new Nodes(settings);
  const client = new OpenClient(settings, nodes);
  try {
    await client.info();
    return client;
  } catch (error) {
    nodes.close();
    throw error;
  }
}
