/** Requests as data (cases/), how they are sent, and what of an answer is compared. */

import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type HttpRequest, type HttpResponse, httpRequest } from '../support/http-client.ts';

interface Step {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly gzipBody?: string;
  /** Bytes kept of the body. */
  readonly cut?: number;
  /** A valid body of this size. */
  readonly fillBody?: number;
  /** Without a size, as Telegraf sends gzip. */
  readonly chunked?: boolean;
}

export interface RequestCase extends Step {
  readonly name: string;
  readonly setup?: readonly Step[];
  readonly compareHeaders?: readonly string[];
}

function readCases(name: string): readonly RequestCase[] {
  const file = new URL(`./cases/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as readonly RequestCase[];
}

export const requestCases = ['http-surface', 'telegraf', 'grafana'].flatMap(readCases);

const comparedHeaders = [
  'content-type',
  'content-encoding',
  'x-influxdb-build',
  'x-influxdb-error',
  'access-control-allow-origin',
];

function makeBody({ body, gzipBody, cut, fillBody }: Step): string | Uint8Array | undefined {
  if (fillBody !== undefined) return '\n'.repeat(fillBody);
  if (gzipBody === undefined) return body;
  return gzipSync(gzipBody).subarray(0, cut);
}

export async function sendStep(base: string, step: Step): Promise<HttpResponse> {
  const path = step.path.replace(/\{(\d+)\}/, (_, count: string) => 'x'.repeat(Number(count)));
  const body = makeBody(step);
  const request: HttpRequest = {
    method: step.method ?? 'GET',
    ...(step.headers && { headers: step.headers }),
    ...(body !== undefined && { body }),
    ...(step.chunked && { chunked: true }),
  };
  return httpRequest(base + path, request);
}

/** Status, body and headers, as far as both are to agree. */
function describeAnswer(answer: HttpResponse, headers: readonly string[] = []) {
  const isText = answer.headers['content-type'] !== 'application/x-msgpack';
  const isGzip = answer.headers['content-encoding'] === 'gzip';
  return {
    status: answer.status,
    body: (isGzip ? gunzipSync(answer.body) : answer.body).toString(isText ? 'utf8' : 'hex'),
    headers: Object.fromEntries(
      [...comparedHeaders, ...headers].map((name) => [name, answer.headers[name]]),
    ),
    // In no fixed order over there.
    allow: answer.headers.allow?.split(', ').sort(),
    hasRequestId: answer.headers['request-id'] !== undefined,
  };
}

/** What two servers answer. */
export async function askBoth(one: RequestCase, urls: readonly [string, string]) {
  for (const url of urls) for (const step of one.setup ?? []) await sendStep(url, step);
  const [ours, theirs] = await Promise.all([sendStep(urls[0], one), sendStep(urls[1], one)]);
  return {
    ours: describeAnswer(ours, one.compareHeaders),
    theirs: describeAnswer(theirs, one.compareHeaders),
  };
}
