/**
 * HTTP for commands: one request, its status and body, over connections that are kept.
 *
 * An answer is whatever has a status; connection errors and timeouts throw. Retrying is up to the
 * caller, who knows what may be repeated (insist.ts).
 */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Silence of the server that ends the request; default 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** What the server asks to wait before the next attempt; 0 = it does not say. */
  readonly retryAfterMs: number;
}

const defaultTimeoutMs = 30_000;
const socketsMax = 64;

const agents = {
  http: new HttpAgent({ keepAlive: true, maxSockets: socketsMax }),
  https: new HttpsAgent({ keepAlive: true, maxSockets: socketsMax }),
};

/** Resolves once the status is there; the body is the caller's to read. */
export function openRequest(url: URL, request: Request): Promise<IncomingMessage> {
  const { method, headers = {}, body, timeoutMs = defaultTimeoutMs, signal } = request;
  const isSecure = url.protocol === 'https:';
  const send = isSecure ? httpsRequest : httpRequest;
  const agent = isSecure ? agents.https : agents.http;
  return new Promise((resolve, reject) => {
    const typed = { 'Content-Type': 'text/plain; charset=utf-8', ...headers };
    const options = { method, headers: typed, agent, ...(signal && { signal }) };
    const outgoing = send(url, options, resolve);
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

export async function ask(url: URL, request: Request): Promise<Answer> {
  const incoming = await openRequest(url, request);
  const seconds = Number(incoming.headers['retry-after'] ?? 0);
  return {
    status: incoming.statusCode ?? 0,
    text: await readText(incoming),
    retryAfterMs: seconds > 0 ? seconds * 1_000 : 0,
  };
}

/** `base/path?name=value&...`; a path of the base stays in front. */
export function makeUrl(
  base: string,
  path: string,
  params: Readonly<Record<string, string>> = {},
): URL {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  return url;
}

/** What went wrong, in a few words. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A refused connection to a name with several addresses has its words inside only.
  const { errors } = error as { errors?: unknown };
  const [first] = Array.isArray(errors) ? errors : [];
  const said = error.message !== '' ? error.message : first instanceof Error ? first.message : '';
  return said !== '' ? said : String((error as { code?: string }).code ?? error.name);
}
