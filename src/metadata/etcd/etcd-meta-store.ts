/**
 * The metadata store of a cluster: etcd 3.4 or newer, all keys below `/citadel/<cluster>/`.
 *
 * Reads are linearizable. Every call has a deadline. A transaction is sent once; only where it certainly
 * never left this process does it go to another server.
 */

import type { Etcd3, IDuplexStream, ILeaseKeepAliveRequest, ILeaseKeepAliveResponse } from 'etcd3';
import { CitadelError } from '../../base/errors.ts';
import type { Clock, Timers } from '../../env/env.ts';
import { checkTransaction } from '../check-transaction.ts';
import { encodeName } from '../meta-keys.ts';
import type {
  MetaLease,
  MetaRange,
  MetaRecord,
  MetaStore,
  MetaTransaction,
  MetaTransactionResult,
  MetaWatch,
  WatchNotice,
} from '../meta-store.ts';
import { EtcdCodec } from './etcd-codec.ts';
import { isCompacted, isLeaseGone } from './etcd-errors.ts';
import { type CallLimits, type CallOptions, type EtcdAccess, EtcdHosts } from './etcd-hosts.ts';
import { EtcdWatches } from './etcd-watch.ts';

export interface EtcdOptions extends EtcdAccess {
  /** Clusters that share an etcd have different names. */
  readonly clusterName: string;
}

export interface EtcdWorld {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>;
  readonly timers: Pick<Timers, 'after' | 'every'>;
}

type KeepAliveStream = IDuplexStream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>;

const once: CallLimits = { timeoutMs: 5_000, repeatable: false };
const again: CallLimits = { timeoutMs: 5_000, repeatable: true };
/** Renewals come once a second: one that takes longer is better made anew. */
const renewal: CallLimits = { timeoutMs: 1_500, repeatable: true };
const pageSize = 2_000;
/** Compactions while a range is read page by page. */
const rangeAttemptsMax = 5;

/** One renewal on a stream of its own; resolves with the seconds that the lease has from now. */
function renewOnce(client: Etcd3, id: string, options: CallOptions): Promise<number> {
  const opening: Promise<KeepAliveStream> = client.leaseClient.leaseKeepAlive(options);
  return opening.then(
    (stream) =>
      new Promise((resolve, reject) => {
        stream.on('data', ({ TTL }) => {
          resolve(Number(TTL));
          stream.cancel();
        });
        stream.on('error', reject);
        stream.on('end', () => reject(new Error('etcd ended the renewal without an answer')));
        stream.write({ ID: id });
      }),
  );
}

class EtcdMetaStore implements MetaStore {
  readonly #hosts: EtcdHosts;
  readonly #codec: EtcdCodec;
  readonly #watches: EtcdWatches;

  constructor(world: EtcdWorld, options: EtcdOptions) {
    this.#hosts = new EtcdHosts(world, options);
    this.#codec = new EtcdCodec(`/citadel/${encodeName(options.clusterName)}/`);
    this.#watches = new EtcdWatches(world, this.#hosts, this.#codec);
  }

  get(key: string): Promise<MetaRecord | undefined> {
    return this.#hosts.call(again, async ({ kv }, options) => {
      const { kvs } = await kv.range({ key: this.#codec.toKey(key) }, options);
      return kvs[0] && this.#codec.toRecord(kvs[0]);
    });
  }

  async range(prefix: string): Promise<MetaRange> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#rangeOnce(prefix);
      } catch (error) {
        const wasCompacted = error instanceof CitadelError && isCompacted(error.cause);
        if (!wasCompacted || attempt === rangeAttemptsMax) throw error;
      }
    }
  }

  async transaction(transaction: MetaTransaction): Promise<MetaTransactionResult> {
    checkTransaction(transaction);
    const request = this.#codec.toTransaction(transaction);
    const response = await this.#hosts.call(once, ({ kv }, options) => kv.txn(request, options));
    return this.#codec.fromTransaction(response);
  }

  watch(prefix: string, fromRevision: number, listener: (notice: WatchNotice) => void): MetaWatch {
    return this.#watches.watch(prefix, fromRevision, listener);
  }

  async grantLease(ttlMs: number): Promise<MetaLease> {
    if (!(ttlMs > 0)) throw new CitadelError('invalid-argument', 'lease needs a positive TTL');
    const asked = { TTL: Math.ceil(ttlMs / 1_000) };
    const { ID, TTL } = await this.#hosts.call(once, ({ leaseClient }, options) =>
      leaseClient.leaseGrant(asked, options),
    );
    return { id: ID, ttlMs: Number(TTL) * 1_000 };
  }

  async keepLeaseAlive(id: string): Promise<void> {
    const seconds = await this.#hosts.call(renewal, async (client, options) => {
      try {
        return await renewOnce(client, id, options);
      } catch (error) {
        await this.#hosts.renewToken(client);
        throw error;
      }
    });
    if (!(seconds > 0)) throw new CitadelError('not-found', `lease ${id} has ended`);
  }

  async revokeLease(id: string): Promise<void> {
    await this.#hosts.call(again, async ({ leaseClient }, options) => {
      try {
        await leaseClient.leaseRevoke({ ID: id }, options);
      } catch (error) {
        if (!isLeaseGone(error)) throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#watches.close();
    this.#hosts.close();
  }

  /** Page by page at the revision of the first one. */
  async #rangeOnce(prefix: string): Promise<MetaRange> {
    const { key, range_end } = this.#codec.toRange(prefix);
    const records: MetaRecord[] = [];
    let revision = 0;
    for (let from = key; ; ) {
      const request = { key: from, range_end, limit: pageSize, revision };
      const page = await this.#hosts.call(again, ({ kv }, options) => kv.range(request, options));
      if (revision === 0) revision = Number(page.header.revision);
      for (const pair of page.kvs) records.push(this.#codec.toRecord(pair));
      const last = page.kvs[page.kvs.length - 1];
      if (!page.more || last === undefined) return { revision, records };
      from = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }
}

/** Connects when it is first used; an etcd that is away shows as `unavailable` calls. */
export function openEtcdMetaStore(world: EtcdWorld, options: EtcdOptions): MetaStore {
  return new EtcdMetaStore(world, options);
}
