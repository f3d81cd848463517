/**
 * The HTTP surface against a real InfluxDB 1.6.7: the same requests to both, compared byte by byte.
 *
 * Cases are data: what the server answers to anybody (cases/http-surface.json), and the requests of Telegraf and of
 * Grafana as they send them. They run in order, on one database `mydb` and on those that they make.
 */

import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { type HttpRequest, type HttpResponse, httpRequest } from '../support/http-client.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';

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

interface Case extends Step {
  readonly name: string;
  readonly setup?: readonly Step[];
  readonly compareHeaders?: readonly string[];
}

function readCases(name: string): readonly Case[] {
  const file = new URL(`./cases/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as readonly Case[];
}

const cases = ['http-surface', 'telegraf', 'grafana'].flatMap(readCases);

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

async function send(base: string, step: Step): Promise<HttpResponse> {
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

describe.skipIf(!influxdInstalled)('HTTP as InfluxDB 1.6.7 speaks it', () => {
  let citadel: CitadelProcess;
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    const args = ['-allow-changes-by-get', 'true'];
    [citadel, influxd] = await Promise.all([startCitadel({ args }), startInfluxd()]);
    for (const { url } of [citadel, influxd]) {
      await send(url, { method: 'POST', path: '/query?q=CREATE+DATABASE+mydb' });
    }
  });

  afterAll(async () => {
    await Promise.all([citadel?.cleanUp(), influxd?.stop()]);
  });

  test.each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    for (const { url } of [citadel, influxd]) {
      for (const step of one.setup ?? []) await send(url, step);
    }
    const [ours, theirs] = await Promise.all([send(citadel.url, one), send(influxd.url, one)]);
    expect(describeAnswer(ours, one.compareHeaders)).toEqual(
      describeAnswer(theirs, one.compareHeaders),
    );
  });
});
