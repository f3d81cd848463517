/** A table of keys and values. */

import { randomBytes } from 'node:crypto';
import { CitadelError } from '../src/base/errors.ts';
import { type ByteList, itemOf } from '../src/model/key-list.ts';
import {
  decodeRows,
  decodeValues,
  encodeGet,
  encodeList,
  type KvRowsMessage,
} from '../src/rpc/api/kv-read-messages.ts';
import { decodeKvWriteAnswer, encodeKvWrite } from '../src/rpc/api/kv-write-messages.ts';
import { keyValueService } from '../src/rpc/methods.ts';
import { batchesOf, type Entry } from './batches.ts';
import { type BulkOptions, BulkWriter } from './bulk-writer.ts';
import { type Bytes, listOfBytes, toBytes } from './bytes.ts';
import { attemptMs, insist, isWorthAnotherTry, patienceOf } from './insist.ts';
import type { Nodes } from './nodes.ts';
import type { Consistency, ReadLevel, Receipt, Settings } from './options.ts';
import { ReadQueue } from './read-queue.ts';
import { WriteQueue } from './write-queue.ts';

export interface WriteOptions {
  readonly consistency?: Consistency;
}

export interface ReadOptions {
  readonly read?: ReadLevel;
}

export interface ListOptions extends ReadOptions {
  /** Keys that begin with it. */
  readonly prefix?: Bytes;
  /** At or above it. */
  readonly from?: Bytes;
  /** Below it. */
  readonly until?: Bytes;
  readonly limit?: number;
}

export interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const noBytes = new Uint8Array(0);
const writeIdSize = 16;
/** Of the time of an attempt: what a node begins then has ended before the next attempt starts. */
const carriedOutShare = 0.8;

/** The least key above this one. */
function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

function* rowsOf({ keys, values }: KvRowsMessage): Generator<Row> {
  for (let i = 0; i < keys.ends.length; i++) {
    yield { key: itemOf(keys, i), value: itemOf(values, i) };
  }
}

/** Errors of all: CitadelError; its `code` says which kind. */
export class Table {
  readonly name: string;
  readonly #nodes: Nodes;
  readonly #settings: Settings;
  readonly #writes: WriteQueue;
  readonly #reads: ReadQueue;

  constructor(nodes: Nodes, settings: Settings, name: string) {
    this.name = name;
    this.#nodes = nodes;
    this.#settings = settings;
    this.#writes = new WriteQueue((keys, values) => this.#write(keys, values, {}));
    this.#reads = new ReadQueue((keys) => this.#get(keys, {}));
  }

  /** Calls that are made while another is under way go together in one batch; those of one key keep their order. */
  put(key: Bytes, value: Bytes): Promise<Receipt> {
    return this.#writes.add(toBytes(key), toBytes(value));
  }

  /** As `put`. */
  delete(key: Bytes): Promise<Receipt> {
    return this.#writes.add(toBytes(key), undefined);
  }

  /** Undefined = the key is absent. As `put`, calls go together. */
  get(key: Bytes): Promise<Uint8Array | undefined> {
    return this.#reads.add(toBytes(key));
  }

  /** `get`, as text. */
  async getText(key: Bytes): Promise<string | undefined> {
    const value = await this.get(key);
    return value && new TextDecoder().decode(value);
  }

  /** In batches, one after the other; when one fails, those before it are stored. Of two entries of a key the later one counts. */
  async putAll(entries: Iterable<Entry>, options: WriteOptions = {}): Promise<void> {
    for (const { keys, values } of batchesOf(entries)) await this.#write(keys, values, options);
  }

  /** As `putAll`. */
  async deleteAll(keys: Iterable<Bytes>, options: WriteOptions = {}): Promise<void> {
    const entries = function* (): Generator<Entry> {
      for (const key of keys) yield [key, noBytes];
    };
    for (const batch of batchesOf(entries())) await this.#write(batch.keys, undefined, options);
  }

  /** One per key, in their order; undefined = the key is absent. */
  getAll(keys: readonly Bytes[], options: ReadOptions = {}): Promise<(Uint8Array | undefined)[]> {
    return this.#get(listOfBytes(keys), options);
  }

  /** For many entries: keeps several batches under way. */
  writer(options: BulkOptions = {}): BulkWriter {
    return new BulkWriter((keys, values) => this.#write(keys, values, options), options);
  }

  /** In order of the keys by their bytes. A list that breaks off goes on at another node behind its last key. */
  async *list(options: ListOptions = {}): AsyncGenerator<Row> {
    const { limit = Number.POSITIVE_INFINITY } = options;
    let from = toBytes(options.from ?? noBytes);
    let left = limit;
    let patience = patienceOf(this.#settings.patienceMs);
    while (left > 0) {
      const channel = this.#nodes.current();
      const message = this.#listMessage(options, from, left);
      try {
        for await (const part of channel.stream(keyValueService.List.path, message, attemptMs)) {
          for (const row of rowsOf(decodeRows(part))) {
            yield row;
            from = keyAfter(row.key);
            left--;
          }
          patience = patienceOf(this.#settings.patienceMs);
        }
        return;
      } catch (error) {
        if (!isWorthAnotherTry(error) || performance.now() > patience.untilMs) throw error;
        this.#nodes.moveOn(channel);
      }
    }
  }

  #listMessage({ prefix, until, read }: ListOptions, from: Uint8Array, left: number): Buffer {
    return encodeList({
      table: this.name,
      prefix: toBytes(prefix ?? noBytes),
      from,
      until: toBytes(until ?? noBytes),
      limit: Number.isFinite(left) ? left : 0,
      read: read ?? this.#settings.read,
    });
  }

  /**
   * Every attempt is the same write, and is not carried out once the next one may have begun: a node that wakes from a
   * pause may not know yet that it was written elsewhere.
   */
  async #write(
    keys: ByteList,
    values: ByteList | undefined,
    { consistency }: WriteOptions,
  ): Promise<Receipt> {
    const { patienceMs } = this.#settings;
    const { Put, Delete } = keyValueService;
    const { path } = values === undefined ? Delete : Put;
    const write = {
      table: this.name,
      keys,
      values,
      consistency: consistency ?? this.#settings.consistency,
      writeId: randomBytes(writeIdSize),
    };
    const answer = await insist(this.#nodes, patienceOf(patienceMs), (channel, deadlineMs) => {
      const notAfterMs = Math.ceil(this.#nodes.nowMs + deadlineMs * carriedOutShare);
      return channel.unary(path, encodeKvWrite({ ...write, notAfterMs }), deadlineMs);
    });
    const { copies, level } = decodeKvWriteAnswer(answer);
    return { copies, level };
  }

  async #get(keys: ByteList, { read }: ReadOptions): Promise<(Uint8Array | undefined)[]> {
    const count = keys.ends.length;
    if (count === 0) return [];
    const message = encodeGet({ table: this.name, keys, read: read ?? this.#settings.read });
    const { path } = keyValueService.Get;
    return insist(
      this.#nodes,
      patienceOf(this.#settings.patienceMs),
      async (channel, deadlineMs) => {
        const found: (Uint8Array | undefined)[] = [];
        for await (const part of channel.stream(path, message, deadlineMs)) {
          const { start, present, values } = decodeValues(part);
          if (start !== found.length) break;
          for (const [i, one] of present.entries()) {
            found.push(one === 1 ? itemOf(values, i) : undefined);
          }
        }
        if (found.length === count) return found;
        throw new CitadelError('unavailable', `${found.length} of ${count} keys were answered`);
      },
    );
  }
}
