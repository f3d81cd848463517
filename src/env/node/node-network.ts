/** HTTP requests and datagrams to other servers, by Node's own modules. */

import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { CitadelError } from '../../base/errors.ts';
import type { DatagramSender, HttpAnswer, HttpPost, Network } from '../network.ts';

/** Connections to one server, and those kept when nothing is sent. */
const socketsMax = 16;
const agentOptions = { keepAlive: true, maxSockets: socketsMax, maxFreeSockets: 2 };
const agents = { http: new http.Agent(agentOptions), https: new https.Agent(agentOptions) };
/** Of an answer, for messages. */
const answerSizeMax = 4096;

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection lost',
  EPIPE: 'connection lost',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'no such host',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
};

function explain(error: unknown): CitadelError {
  if (error instanceof CitadelError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const reason = reasons[String(code)] ?? String(message);
  if (code === 'EMSGSIZE') {
    return new CitadelError('too-large', 'datagram is too large', { cause: error });
  }
  return new CitadelError('unavailable', reason, { cause: error });
}

/** A connection that the server closed while it was idle: nothing was sent on it. */
function wasStale(request: http.ClientRequest, error: NodeJS.ErrnoException): boolean {
  return request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function collect(answer: http.IncomingMessage): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    answer.on('data', (part: Buffer) => {
      if (size < answerSizeMax) parts.push(part);
      size += part.length;
    });
    answer.on('error', reject);
    answer.on('end', () => {
      const text = Buffer.concat(parts).subarray(0, answerSizeMax).toString('utf8');
      resolve({ status: answer.statusCode ?? 0, text });
    });
  });
}

function postOnce(post: HttpPost, signal: AbortSignal): Promise<HttpAnswer> {
  const { url, headers, body } = post;
  const { username, password, ...target } = describeUrl(url);
  const isSecure = target.protocol === 'https:';
  const options: http.RequestOptions = {
    ...target,
    method: 'POST',
    headers: { ...headers, 'Content-Length': String(body.length) },
    agent: isSecure ? agents.https : agents.http,
    signal,
    ...(username === '' && password === '' ? {} : { auth: `${username}:${password}` }),
  };
  return new Promise((resolve, reject) => {
    const request = isSecure ? https.request(options) : http.request(options);
    request.on('response', (answer) => collect(answer).then(resolve, reject));
    request.on('error', (error) => {
      if (!wasStale(request, error)) reject(error);
      else postOnce(post, signal).then(resolve, reject);
    });
    request.end(body);
  });
}

function describeUrl(text: string) {
  const url = new URL(text);
  return {
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    path: url.pathname + url.search,
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
}

/** One signal per request, taken apart afterwards: the caller's may live as long as the process. */
async function post(request: HttpPost, signal: AbortSignal): Promise<HttpAnswer> {
  const ending = new AbortController();
  const stop = () => ending.abort();
  let isLate = false;
  const patience = setTimeout(() => {
    isLate = true;
    stop();
  }, request.timeoutMs);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await postOnce(request, ending.signal);
  } catch (error) {
    if (signal.aborted) throw new CitadelError('cancelled', 'the request was cancelled');
    if (!isLate) throw explain(error);
    throw new CitadelError('timeout', `no answer within ${request.timeoutMs} ms`);
  } finally {
    clearTimeout(patience);
    signal.removeEventListener('abort', stop);
  }
}

class ConnectedSender implements DatagramSender {
  readonly #socket: Socket;
  /** What the system told about datagrams sent before. */
  #failure: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => {
      this.#failure = error;
    });
  }

  async send(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw explain(this.#failure);
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(bytes, (error) => (error === null ? resolve() : reject(explain(error))));
    });
  }

  async settle(): Promise<void> {
    // The error of a refused datagram comes with the next look at the socket.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#failure !== undefined) throw explain(this.#failure);
  }

  close(): void {
    this.#socket.close();
  }
}

async function openDatagrams(host: string, port: number): Promise<DatagramSender> {
  try {
    const { address, family } = await lookup(host);
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.unref();
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return new ConnectedSender(socket);
  } catch (error) {
    throw explain(error);
  }
}

export const nodeNetwork: Network = { post, openDatagrams };
