/**
 * The servers of an etcd cluster: one is used until it fails, then the next.
 *
 * `etcd3` gives the connections and the calls. Its own fault handling is switched off: its breaker turns a
 * restart of 1.5 s into an outage of 6, its retries repeat transactions whose fate is unknown. Measured
 * with these settings against etcd 3.4.23: first call after a restart succeeds as soon as it listens.
 */

import { Etcd3, type IOptions } from 'etcd3';
import { CitadelError } from '../../base/errors.ts';
import type { Clock, Timers } from '../../env/env.ts';
import { isRefusal, toCitadelError, wasNeverSent } from './etcd-errors.ts';

export interface EtcdTls {
  /** PEM. */
  readonly ca: Uint8Array;
  readonly cert?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
}

export interface EtcdAccess {
  /** `http://host:port`, or `https:` with TLS. All of one kind. */
  readonly urls: readonly string[];
  readonly user?: { readonly name: string; readonly password: string } | undefined;
  /** Undefined = the system's authorities, for `https:` URLs. */
  readonly tls?: EtcdTls | undefined;
}

export type CallOptions = Parameters<Etcd3['kv']['range']>[1];

export interface CallLimits {
  readonly timeoutMs: number;
  /** May be made again although it may have happened. */
  readonly repeatable: boolean;
}

export interface HostWorld {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>;
  readonly timers: Pick<Timers, 'after'>;
}

type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

const authTimeoutMs = 2_000;
/** When there is another server to ask, one has so long. */
const patienceMs = 2_000;
/** A larger answer breaks the call instead of the process; ranges are read in pages far below it. */
const messageSizeMax = 256 * 1024 * 1024;

/** Does the work once and passes on what comes of it. */
function createNoPolicy(): Policy {
  const never = () => ({ dispose: () => undefined });
  const policy = {
    onSuccess: never,
    onFailure: never,
    execute: async <T>(work: (context: { signal: AbortSignal }) => PromiseLike<T> | T) =>
      work({ signal: new AbortController().signal }),
  };
  return policy as unknown as Policy;
}

const noPolicy = createNoPolicy();

const channelOptions = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 500,
  // More often than every 5 s, and etcd hangs up for "too many pings".
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.max_receive_message_length': messageSizeMax,
};

function toCredentials({ ca, cert, key }: EtcdTls): NonNullable<IOptions['credentials']> {
  return {
    rootCertificate: Buffer.from(ca),
    ...(cert === undefined ? {} : { certChain: Buffer.from(cert) }),
    ...(key === undefined ? {} : { privateKey: Buffer.from(key) }),
  };
}

function openClient(clock: HostWorld['clock'], url: string, { user, tls }: EtcdAccess): Etcd3 {
  const callOptions = () => ({ deadline: clock.wallMs() + authTimeoutMs });
  const auth = user && { username: user.name, password: user.password, callOptions };
  return new Etcd3({
    hosts: url,
    grpcOptions: channelOptions,
    faultHandling: { host: () => noPolicy, global: noPolicy },
    ...(auth === undefined ? {} : { auth }),
    ...(tls === undefined ? {} : { credentials: toCredentials(tls) }),
  });
}

/** A server's clients: calls and streams apart, because a failed call resets its client's channels. */
interface Host {
  readonly calls: Etcd3;
  readonly streams: Etcd3;
}

export class EtcdHosts {
  readonly #world: HostWorld;
  readonly #hosts: readonly Host[];
  readonly #hasUser: boolean;
  #current = 0;
  #closed = false;

  constructor(world: HostWorld, access: EtcdAccess) {
    if (access.urls.length === 0) throw new CitadelError('invalid-argument', 'no etcd URL given');
    this.#world = world;
    this.#hasUser = access.user !== undefined;
    this.#hosts = access.urls.map((url) => ({
      calls: openClient(world.clock, url, access),
      streams: openClient(world.clock, url, access),
    }));
  }

  /** A client for a stream, of the server in use. */
  get streams(): Etcd3 {
    return this.#hosts[this.#current]!.streams;
  }

  /** The server in use does not do. */
  rotate(from: Etcd3): void {
    const { calls, streams } = this.#hosts[this.#current]!;
    if (from === calls || from === streams) {
      this.#current = (this.#current + 1) % this.#hosts.length;
    }
  }

  /**
   * Makes sure that a client's token is one that the server knows: after a restart it knows none, and a client
   * notices that only in a call, never on a stream. Costs nothing without a user.
   */
  async renewToken(client: Etcd3): Promise<void> {
    if (!this.#hasUser) return;
    const anything = { key: Buffer.of(0), limit: 1, keys_only: true };
    try {
      await this.#within(authTimeoutMs, (options) => client.kv.range(anything, options));
    } catch {
      // Whether the key may be read does not matter, and who is away is found out by whoever asked.
    }
  }

  /** @throws CitadelError `unavailable` at the latest after `timeoutMs`, or what etcd answered */
  async call<T>(
    limits: CallLimits,
    work: (client: Etcd3, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const deadlineMs = this.#world.clock.monotonicMs() + limits.timeoutMs;
    for (let attempt = 1; ; attempt++) {
      if (this.#closed) throw new CitadelError('unavailable', 'metadata store is closed');
      const leftMs = deadlineMs - this.#world.clock.monotonicMs();
      const isLast = attempt >= this.#hosts.length;
      const timeoutMs = isLast ? leftMs : Math.min(leftMs, patienceMs);
      const { calls } = this.#hosts[this.#current]!;
      try {
        return await this.#within(timeoutMs, (options) => work(calls, options));
      } catch (error) {
        if (isRefusal(error)) throw toCitadelError(error);
        this.rotate(calls);
        const mayRepeat = limits.repeatable || wasNeverSent(error);
        const leftAfterMs = deadlineMs - this.#world.clock.monotonicMs();
        if (isLast || !mayRepeat || leftAfterMs <= 0) throw toCitadelError(error);
      }
    }
  }

  close(): void {
    this.#closed = true;
    for (const { calls, streams } of this.#hosts) {
      calls.close();
      streams.close();
    }
  }

  /** gRPC keeps the deadline of the call; the timer also covers what comes before it. */
  #within<T>(timeoutMs: number, work: (options: CallOptions) => Promise<T>): Promise<T> {
    const { clock, timers } = this.#world;
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer within ${Math.round(timeoutMs)} ms`));
      const timer = timers.after(timeoutMs, late);
      work({ deadline: clock.wallMs() + timeoutMs })
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
  }
}
