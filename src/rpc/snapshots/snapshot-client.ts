/** Fetches a snapshot from a node: pieces as they were given there, or an error; never a part taken for all. */

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CitadelError } from '../../base/errors.ts';
import type { TimerHandle } from '../../env/env.ts';
import type { StoreKind } from '../../model/cluster.ts';
import { addressOf } from '../client/address.ts';
import type { RpcOptions } from '../contract.ts';
import { formatGreeting, greetingHeader } from '../greeting.ts';
import { ByteStream } from './byte-stream.ts';
import {
  checkEnd,
  checkFrame,
  checkStreamHeader,
  corrupt,
  decodeFailure,
  decodeFrameHeader,
  frameHeaderSize,
  frameKind,
  streamHeaderSize,
} from './snapshot-frames.ts';

/** The server says every 2 s that it lives. */
const quietDefaultMs = 10_000;

export interface SnapshotSource {
  readonly node: string;
  /** `http://host:port`, asked when the fetch begins. @throws CitadelError `unavailable` */
  readonly address: () => string;
  readonly kind: StoreKind;
  readonly shard: number;
}

function startRequest(options: RpcOptions, source: SnapshotSource): ClientRequest {
  const { identity, view, tls } = options;
  const scheme = tls === undefined ? 'http' : 'https';
  // The scheme is ours: towards a node that thinks otherwise the connection fails, and says so.
  const host = addressOf(source.address());
  const url = new URL(`${scheme}://${host}/snapshot/${source.kind}/${source.shard}`);
  const greeting = formatGreeting(identity, view.map.version, source.node);
  const common = { agent: false as const, headers: { [greetingHeader]: greeting } };
  if (tls === undefined) return httpRequest(url, common);
  const files = { ca: Buffer.from(tls.ca), cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) };
  const name = tls.serverName === undefined ? {} : { servername: tls.serverName };
  return httpsRequest(url, { ...common, ...files, ...name });
}

/** Waits for the answer and its parts, none longer than allowed; everything that breaks is one error. */
class Fetch {
  readonly #options: RpcOptions;
  readonly #source: SnapshotSource;
  readonly #request: ClientRequest;
  #failure: CitadelError | undefined;

  constructor(options: RpcOptions, source: SnapshotSource) {
    this.#options = options;
    this.#source = source;
    this.#request = startRequest(options, source);
    // Whoever waits sees it too; this is for those that come when nobody waits.
    this.#request.on('error', () => undefined);
  }

  stop(failure: CitadelError): void {
    this.#failure ??= failure;
    this.#request.destroy();
  }

  async answer(): Promise<IncomingMessage> {
    return this.within(
      new Promise<IncomingMessage>((resolve, reject) => {
        this.#request.once('response', resolve);
        this.#request.once('error', reject);
        this.#request.end();
      }),
    );
  }

  /** @throws CitadelError `timeout`, `unavailable`, `cancelled` */
  async within<T>(part: Promise<T>): Promise<T> {
    const { node } = this.#source;
    const { env, snapshotQuietMs = quietDefaultMs } = this.#options;
    const timer: TimerHandle = env.timers.after(snapshotQuietMs, () => {
      this.stop(
        new CitadelError('timeout', `node ${node} sent nothing of the snapshot for a while`),
      );
    });
    try {
      return await part;
    } catch (cause) {
      throw this.#failure ?? this.broken(cause);
    } finally {
      timer.cancel();
    }
  }

  broken(cause: unknown): CitadelError {
    const { node } = this.#source;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot fetch snapshot from node ${node}: ${reason}`;
    return new CitadelError('unavailable', message, { cause, details: { node } });
  }
}

async function* readPieces(fetch: Fetch, answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  const stream = new ByteStream(answer, (part) => fetch.within(part));
  const read = async (size: number): Promise<Uint8Array> => {
    const bytes = await stream.read(size);
    if (bytes === undefined) throw fetch.broken('the stream was cut');
    return bytes;
  };
  if (answer.statusCode !== 200) throw fetch.broken(`status ${answer.statusCode}`);
  checkStreamHeader(await read(streamHeaderSize));
  for (let pieces = 0; ; ) {
    const header = decodeFrameHeader(await read(frameHeaderSize));
    const body = await read(header.size);
    checkFrame(header, body);
    if (header.kind === frameKind.piece) {
      pieces++;
      yield body;
    } else if (header.kind === frameKind.end) {
      checkEnd(body, pieces);
      return;
    } else if (header.kind === frameKind.failure) {
      throw decodeFailure(body);
    } else if (header.kind !== frameKind.alive) {
      throw corrupt('a frame is of an unknown kind');
    }
  }
}

/** Nothing happens before the first pull. Errors are thrown by the iteration. */
export async function* fetchSnapshot(
  options: RpcOptions,
  source: SnapshotSource,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (signal.aborted) throw new CitadelError('cancelled', 'the snapshot was cancelled');
  const fetch = new Fetch(options, source);
  const cancelled = new CitadelError('cancelled', 'the snapshot was cancelled');
  const stop = () => fetch.stop(cancelled);
  signal.addEventListener('abort', stop, { once: true });
  try {
    yield* readPieces(fetch, await fetch.answer());
  } finally {
    signal.removeEventListener('abort', stop);
    fetch.stop(cancelled);
  }
}
