/**
 * A thin HTTP client over node:http: status, headers and the exact bytes of the body, with
 * keep-alive. It follows no redirects, retries nothing and throws only on connection errors.
 */

import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface HttpRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Sends the body without saying its size first. Default false. */
  readonly chunked?: boolean;
  /** Default 30,000. */
  readonly timeoutMs?: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  text(): string;
  json(): unknown;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

export function httpRequest(url: string, options: HttpRequest = {}): Promise<HttpResponse> {
  const { method = 'GET', headers = {}, body, chunked = false, timeoutMs = 30_000 } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent }, (incoming) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const bytes = Buffer.concat(parts);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: bytes,
          text: () => bytes.toString('utf8'),
          json: () => JSON.parse(bytes.toString('utf8')) as unknown,
        });
      });
    });
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer from ${url}`)));
    outgoing.on('error', reject);
    if (chunked) outgoing.setHeader('Transfer-Encoding', 'chunked');
    else if (body !== undefined) outgoing.setHeader('Content-Length', Buffer.byteLength(body));
    outgoing.end(body);
  });
}

/** Builds `base/path?name=value&...`; undefined values are left out. */
export function makeUrl(
  base: string,
  path: string,
  params: Readonly<Record<string, string | undefined>> = {},
): string {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}
