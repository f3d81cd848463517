/**
 * HTTP to one of several servers: keeps to the current one, moves to the next after an error.
 *
 * An answer is whatever has a status; connection errors and timeouts throw. Retrying is up to the
 * caller, who knows what may be repeated.
 */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const timeoutMs = 30_000;
const socketsMax = 64;

const agents = {
  http: new HttpAgent({ keepAlive: true, maxSockets: socketsMax }),
  https: new HttpsAgent({ keepAlive: true, maxSockets: socketsMax }),
};

export class Servers {
  readonly #urls: readonly string[];
  #current = 0;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  get count(): number {
    return this.#urls.length;
  }

  /** The server that the next request goes to. */
  current(): string {
    return this.#urls[this.#current]!;
  }

  /** Moves on from `failed`, unless somebody else already did. */
  moveOn(failed: string): void {
    if (this.current() === failed) this.#current = (this.#current + 1) % this.#urls.length;
  }
}

export function openRequest(
  url: URL,
  method: 'GET' | 'POST',
  body?: string,
): Promise<IncomingMessage> {
  const isSecure = url.protocol === 'https:';
  const send = isSecure ? httpsRequest : httpRequest;
  const agent = isSecure ? agents.https : agents.http;
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'text/plain; charset=utf-8' };
    const outgoing = send(url, { method, headers, agent }, resolve);
    outgoing.setTimeout(timeoutMs, () =>
      outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export async function readText(incoming: IncomingMessage): Promise<string> {
  let text = '';
  incoming.setEncoding('utf8');
  for await (const part of incoming) text += part as string;
  return text;
}

export async function post(url: URL, body = ''): Promise<Answer> {
  const incoming = await openRequest(url, 'POST', body);
  return { status: incoming.statusCode ?? 0, text: await readText(incoming) };
}

export function makeUrl(
  server: string,
  path: string,
  params: Readonly<Record<string, string>>,
): URL {
  const url = new URL(server);
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return url;
}
