/**
 * The link to one peer: one stream out, messages in batches, and what its answers say about the peer.
 *
 * A ping goes out every tick, with a batch or alone; whoever answers none for `silentTicks` is silent. Ticks are counted, not
 * time: a process that was itself stopped sees one late tick and blames nobody. Every attempt has a channel
 * of its own, so that no back-off but ours stands between us and a peer that is there again.
 *
 * Invariant: at most one batch is handed to gRPC and not yet taken by the connection.
 */

import type { Client, ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { TimerHandle } from '../../env/env.ts';
import { greetingMetadata, mapVersionIn, openChannel } from '../client/node-calls.ts';
import type { RpcOptions } from '../contract.ts';
import { peerService } from '../methods.ts';
import type { PeerLinkState, PeerMessage } from '../peer-api.ts';
import { fromGrpcError, isRefused } from '../status.ts';
import { decodeAnswer, encodeExchange } from '../wire/exchange.ts';
import { OutgoingQueue } from './outgoing-queue.ts';

export const tickMs = 250;
const silentTicks = 5;
/** After so long a stream is given up: the connection may be half open. */
const abandonTicks = 24;
/** A large message may take its time: nobody is called silent who takes so many bytes a tick (4 MiB/s). */
const bytesPerTick = 1024 * 1024;
/** A message that takes a while asks for an answer in any case: over a slow link it is the only sign of life. */
const slowBytes = 64 * 1024;
/** A message that is sent dies together with what it was made of and what gRPC makes of it. */
const copiesDropped = 3;
const backoffMs = { first: 50, max: 1_000 } as const;
/** A stream that lasted so long was well: its end says nothing about the next one. */
const wellMs = 1_000;

export interface PeerLinkEvents {
  readonly onState: (state: PeerLinkState, before: PeerLinkState | undefined) => void;
  readonly onMapVersion: (version: number) => void;
}

type Exchange = ClientDuplexStream<Buffer, Buffer>;

interface Attempt {
  readonly client: Client;
  readonly call: Exchange;
  isConnected: boolean;
  /** Of `clock.monotonicMs`. */
  connectedMs: number;
  isSending: boolean;
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

export class PeerLink {
  readonly url: string;
  readonly #options: RpcOptions;
  readonly #node: string;
  readonly #events: PeerLinkEvents;
  readonly #queue = new OutgoingQueue();
  #state: PeerLinkState | undefined;
  #attempt: Attempt | undefined;
  #retry: TimerHandle | undefined;
  #failures = 0;
  #quietTicks = 0;
  /** More quiet ticks allowed, for what is being sent. */
  #patienceTicks = 0;
  #pings = 0;
  /** The next message asks for an answer; an answer to each would cost as much as the message. */
  #isPingDue = false;
  #isFlushing = false;
  #isClosed = false;
  #reported = '';

  constructor(options: RpcOptions, node: string, url: string, events: PeerLinkEvents) {
    this.#options = options;
    this.#node = node;
    this.url = url;
    this.#events = events;
    this.#connect();
  }

  get state(): PeerLinkState | undefined {
    return this.#state;
  }

  get dropped(): number {
    return this.#queue.dropped;
  }

  send(messages: readonly PeerMessage[]): void {
    this.#queue.add(messages);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // What one turn of the event loop produces goes out together.
    this.#options.env.timers.yieldNow().then(
      () => {
        this.#isFlushing = false;
        this.#flush();
      },
      () => undefined,
    );
  }

  /** The peer was heard of elsewhere: no use in waiting longer. */
  nudge(): void {
    if (this.#retry === undefined) return;
    this.#failures = 0;
    this.#connect();
  }

  /** Called every `tickMs`. */
  tick(): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#quietTicks++;
    const quietTicks = this.#quietTicks - this.#patienceTicks;
    if (quietTicks >= silentTicks) this.#setState('silent');
    if (quietTicks >= abandonTicks) {
      this.#abandon(attempt);
      this.#retryLater();
      return;
    }
    this.#isPingDue = true;
    this.#flush();
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    if (this.#attempt !== undefined) this.#abandon(this.#attempt);
  }

  #connect(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#quietTicks = 0;
    this.#patienceTicks = 0;
    const client = openChannel(this.url, this.#options.tls);
    const metadata = greetingMetadata(this.#options, this.#node);
    const { path } = peerService.Exchange;
    const call: Exchange = client.makeBidiStreamRequest(path, asItIs, asItIs, metadata);
    const attempt: Attempt = { client, call, isConnected: false, connectedMs: 0, isSending: false };
    this.#attempt = attempt;
    call.on('metadata', (answer) => {
      if (this.#attempt !== attempt) return;
      attempt.isConnected = true;
      attempt.connectedMs = this.#options.env.clock.monotonicMs();
      this.#heard(mapVersionIn(answer));
      this.#flush();
    });
    call.on('data', (message: Buffer) => this.#onAnswer(attempt, message));
    call.on('end', () => this.#onBroken(attempt, undefined));
    call.on('error', (error: ServiceError) => this.#onBroken(attempt, error));
  }

  #heard(mapVersion: number): void {
    this.#quietTicks = 0;
    this.#patienceTicks = 0;
    this.#setState('connected');
    this.#events.onMapVersion(mapVersion);
  }

  #onAnswer(attempt: Attempt, message: Buffer): void {
    if (this.#attempt !== attempt) return;
    try {
      this.#heard(decodeAnswer(message).mapVersion);
    } catch (error) {
      this.#report(String(error));
      this.#abandon(attempt);
      this.#retryLater();
    }
  }

  #onBroken(attempt: Attempt, error: ServiceError | undefined): void {
    if (this.#attempt !== attempt) return;
    this.#abandon(attempt);
    if (error !== undefined && isRefused(error)) this.#setState('refused');
    else if (!attempt.isConnected) this.#setState('silent');
    if (this.#wasWell(attempt)) this.#reported = '';
    if (error !== undefined) this.#report(fromGrpcError(error, this.#node).message);
    if (!this.#wasWell(attempt)) {
      this.#retryLater();
      return;
    }
    // Tried anew at once: a process that died refuses then.
    this.#failures = 0;
    this.#connect();
  }

  #wasWell({ isConnected, connectedMs }: Attempt): boolean {
    return isConnected && this.#options.env.clock.monotonicMs() - connectedMs >= wellMs;
  }

  /** Leaves the stream; its events count no more. */
  #abandon(attempt: Attempt): void {
    this.#attempt = undefined;
    // A cancelled call reports an error, which must have a listener.
    attempt.call.removeAllListeners('end');
    attempt.call.cancel();
    attempt.client.close();
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    const { rng, timers } = this.#options.env;
    const full = Math.min(backoffMs.first * 2 ** this.#failures, backoffMs.max);
    this.#failures++;
    this.#retry?.cancel();
    this.#retry = timers.after(full * (0.5 + rng.next() / 2), () => this.#connect());
  }

  #flush(): void {
    const attempt = this.#attempt;
    if (attempt === undefined || !attempt.isConnected || attempt.isSending) return;
    if (!this.#queue.isEmpty) this.#write(attempt, this.#queue.take());
    else if (this.#isPingDue) this.#write(attempt, []);
  }

  #write(attempt: Attempt, messages: readonly PeerMessage[]): void {
    const bytes = messages.reduce((sum, message) => sum + message.bytes.length, 0);
    const ping = this.#isPingDue || bytes >= slowBytes ? ++this.#pings : 0;
    this.#isPingDue = false;
    const mapVersion = this.#options.view.map.version;
    const request = encodeExchange({ messages, ping, mapVersion });
    this.#options.env.host.noteDropped(request.length * copiesDropped);
    this.#patienceTicks += Math.floor(request.length / bytesPerTick);
    attempt.isSending = true;
    attempt.call.write(request, () => {
      attempt.isSending = false;
      if (this.#attempt === attempt) this.#flush();
    });
  }

  #setState(state: PeerLinkState): void {
    if (this.#state === state || this.#isClosed) return;
    const before = this.#state;
    this.#state = state;
    this.#options.env.log.info('rpc.link', { node: this.#node, state });
    this.#events.onState(state, before);
  }

  /** One line per kind of trouble, not one per attempt. */
  #report(message: string): void {
    if (message === this.#reported || this.#isClosed) return;
    this.#reported = message;
    this.#options.env.log.warn('rpc.link.failed', { node: this.#node, error: message });
  }
}
