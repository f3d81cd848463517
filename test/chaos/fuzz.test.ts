/**
 * Goal: bad input never hurts. Whatever a client sends, the server answers in bounded time, never
 * with a failure of its own, and goes on with no more memory, handles or open requests than before.
 *
 * Method: seeded mutations of the conformance corpora against one real process. FUZZ_COUNT
 * sets how many queries and bodies, FUZZ_SEED the seed; both are printed when a check fails. What the
 * process holds is compared with what it held when it had warmed up; all databases are dropped before
 * both. `npm run long -- fuzz` is the same at length, and prints the figures.
 */

import { Agent, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Rng } from '../../src/env/env.ts';
import { createSimRng, pickBelow } from '../../src/env/sim/sim-rng.ts';
import { rawWrite } from '../conformance/raw-write.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { makeUrl } from '../support/http-client.ts';
import { exchange, makeBrokenRequest } from './broken-http.ts';
import { makeFuzzData, readBodies, readQueries } from './fuzz-corpus.ts';
import { mutateBytes, mutateText, pickFrom } from './mutate.ts';
import { type Gauge, gaugeArgs, gaugesWork, readGauge } from './process-gauge.ts';

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const count = Number(process.env.FUZZ_COUNT || 2_000);
const seed = Number(process.env.FUZZ_SEED || 20_260_701);
const clients = 6;
/** Many of them get no answer, which takes its time to find out. */
const silentShare = 4;
/** Half of the runners' time limit each, and no less than the default. */
const patienceMs = Math.max(60_000, count * 30);
const answerMsMax = 10_000;
const takenMax = 1_000_000;
const agent = new Agent({ keepAlive: true });

const mebibyte = 1024 * 1024;
/** Code, caches of text and of numbers: what a leak of each request would leave is far more. */
const heapMoreMax = 32 * mebibyte;
/** What V8 keeps for later after collecting garbage, of all threads. */
const residentMoreMax = 128 * mebibyte;
/**
 * The C library's allocator raises by itself how much freed memory it keeps, up to 64 MiB for each thread, as large blocks
 * come and go: with bounds that are set it gives back what is free, and what is left is what the server holds.
 */
const freeingEnv = { MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '131072' };
/** Files that are kept open, connections that are about to end. */
const handlesMoreMax = 16;
const resourcesMoreMax = 4;
const warmUpRuns = 400;
const warmUpSeed = 1_000_000_000;

let server: CitadelProcess;
let before: Gauge | undefined;

beforeAll(async () => {
  server = await startCitadel({
    args: ['-query-timeout', '5s', '-log-level', 'info'],
    nodeArgs: gaugesWork ? gaugeArgs : [],
    env: freeingEnv,
  });
});

afterAll(async () => {
  await server.cleanUp();
});

async function queriesActive(): Promise<number> {
  const metrics = (await server.request('/metrics')).text();
  return Number(/^citadel_queries_active (\d+)$/m.exec(metrics)?.[1]);
}

/** Drops every database, and says what is left when nothing runs any more. */
async function settle(): Promise<Gauge> {
  const answer = (await server.request('/query', { q: 'SHOW DATABASES' })).json() as {
    readonly results: readonly { readonly series: readonly { readonly values?: string[][] }[] }[];
  };
  for (const [name = ''] of answer.results[0]?.series[0]?.values ?? []) {
    const q = `DROP DATABASE ${JSON.stringify(name)}`;
    await server.request('/query', { q }, { method: 'POST' });
  }
  agent.destroy();
  await expect.poll(queriesActive, { timeout: 20_000 }).toBe(0);
  return readGauge(server);
}

async function putData(): Promise<void> {
  await server.request('/query', { q: 'CREATE DATABASE d' }, { method: 'POST' });
  await server.request('/write', { db: 'd' }, { method: 'POST', body: makeFuzzData() });
}

/** Lines of the log that tell of a failure. */
function failures(): string[] {
  return server
    .stderr()
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"/.test(line));
}

/** Runs `once` with `count` seeds, several at a time; returns what went wrong, each with its seed. */
async function fuzz(
  once: (rng: Rng, run: number) => Promise<string | undefined>,
  runs: number = count,
) {
  const wrong: string[] = [];
  let next = 0;
  const client = async () => {
    while (next < runs && wrong.length < 5) {
      const run = next++;
      const complaint = await once(createSimRng(seed + run), run).catch(
        (error: unknown) => `${error instanceof Error ? error.message : error}`,
      );
      if (complaint !== undefined) wrong.push(`FUZZ_SEED=${seed + run}: ${complaint}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return wrong;
}

function complain(input: string, startedMs: number, status: number, text: string) {
  const tookMs = performance.now() - startedMs;
  const shown = `${JSON.stringify(input)} -> ${status} ${text.slice(0, 300)}`;
  if (tookMs > answerMsMax) return `took ${Math.round(tookMs)} ms: ${shown}`;
  if (status >= 500 || /internal error|invariant|cannot read prop/i.test(text)) return shown;
  return undefined;
}

function checkJson(q: string, text: string, isChunked: boolean): string | undefined {
  try {
    if (isChunked && text === '') return undefined;
    if (isChunked) for (const line of text.trim().split('\n')) JSON.parse(line);
    else JSON.parse(text);
    return undefined;
  } catch {
    return `no JSON: ${JSON.stringify(q)} -> ${text.slice(-200)}`;
  }
}

/** Some queries earn gigabytes: such a client takes what it wants and leaves. */
function takeSome(url: string, method: string) {
  return new Promise<{ status: number; text: string; isCut: boolean }>((resolve, reject) => {
    const outgoing = request(url, { method, agent }, (incoming) => {
      const status = incoming.statusCode ?? 0;
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('error', reject);
      incoming.on('data', (part: string) => {
        text += part;
        if (text.length < takenMax) return;
        resolve({ status, text, isCut: true });
        incoming.destroy();
      });
      incoming.on('end', () => resolve({ status, text, isCut: false }));
    });
    outgoing.setTimeout(answerMsMax, () => outgoing.destroy(new Error(`no answer from ${url}`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function sendQuery(rng: Rng, corpus: readonly string[]): Promise<string | undefined> {
  const q = mutateText(rng, corpus);
  const isChunked = pickBelow(rng, 4) === 0;
  const params = {
    db: pickFrom(rng, ['d', 'd', 'd', 'd', 'other', '__proto__', undefined]),
    rp: pickFrom(rng, [undefined, undefined, 'autogen', 'x']),
    epoch: pickFrom(rng, [undefined, 'ns', 'u', 'ms', 's', 'm', 'h', 'x']),
    pretty: isChunked ? undefined : pickFrom(rng, [undefined, 'true']),
    chunked: isChunked ? 'true' : undefined,
    chunk_size: pickFrom(rng, [undefined, '1', '3', '0', '-1', 'x', '99999999999999999999']),
    params: pickFrom(rng, [undefined, '{"p":1}', '{"p":"x"}', '{"p":{"regex":"["}}', '{', '[]']),
    q,
  };
  const startedMs = performance.now();
  const method = pickFrom(rng, ['GET', 'POST']);
  const answer = await takeSome(makeUrl(server.url, '/query', params), method);
  const { status, text } = answer;
  if (status === 204 || answer.isCut) return complain(q, startedMs, status, text);
  return complain(q, startedMs, status, text) ?? checkJson(q, text, isChunked);
}

async function sendBody(rng: Rng, corpus: readonly string[]): Promise<string | undefined> {
  const lines = Array.from({ length: 1 + pickBelow(rng, 4) }, () => mutateBytes(rng, corpus));
  const body = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  const params = {
    db: 'd',
    precision: pickFrom(rng, [undefined, 'ns', 'n', 'u', 'ms', 's', 'm', 'h', 'x']),
    rp: pickFrom(rng, [undefined, undefined, undefined, 'autogen']),
  };
  const startedMs = performance.now();
  const answer = await rawWrite(makeUrl(server.url, '/write', params), body);
  return complain(body.toString('latin1'), startedMs, answer.status, answer.body);
}

test('what a server holds that has warmed up', { timeout: patienceMs }, async () => {
  await putData();
  const queries = readQueries();
  const bodies = readBodies();
  const warmUp = async (_: Rng, run: number) => {
    const rng = createSimRng(warmUpSeed + run);
    return run % 2 === 0 ? sendQuery(rng, queries) : sendBody(rng, bodies);
  };
  expect(await fuzz(warmUp, warmUpRuns)).toEqual([]);
  if (gaugesWork) before = await settle();
  await putData();
});

test('mutated queries', { timeout: patienceMs }, async () => {
  const corpus = readQueries();
  const wrong = await fuzz(async (rng, run) => {
    if (run % 1_000 === 999) await putData();
    return sendQuery(rng, corpus);
  });
  expect(wrong).toEqual([]);
  expect(failures()).toEqual([]);
});

test('mutated bodies', { timeout: patienceMs }, async () => {
  const corpus = readBodies();
  await putData();
  expect(await fuzz((rng) => sendBody(rng, corpus))).toEqual([]);
  expect(failures()).toEqual([]);
});

test('what is no HTTP', { timeout: patienceMs }, async () => {
  await putData();
  const wrong = await fuzz(async (rng) => {
    const request = makeBrokenRequest(rng);
    const answer = await exchange(server.port, request);
    const shown = request.bytes.subarray(0, 200).toString('latin1');
    return /HTTP\/1.1 5|internal error/.test(answer) ? `${shown} -> ${answer}` : undefined;
  }, count / silentShare);
  expect(wrong).toEqual([]);
  expect(failures()).toEqual([]);
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** What is held beyond what was held before, in words; what is no more than that is left out. */
function excess(now: Gauge, then: Gauge): string[] {
  const kinds = Object.keys(now.resources);
  const found = [
    ['heap bytes', now.heapBytes - then.heapBytes, heapMoreMax],
    ['heap bytes of workers', sum(now.workerHeapBytes) - sum(then.workerHeapBytes), heapMoreMax],
    ['resident bytes', now.residentBytes - then.residentBytes, residentMoreMax],
    ['handles', now.handles - then.handles, handlesMoreMax],
    ['threads', now.threads - then.threads, 0],
    ...kinds.map((kind) => {
      const more = (now.resources[kind] ?? 0) - (then.resources[kind] ?? 0);
      return [kind, more, resourcesMoreMax] as const;
    }),
  ] as const;
  return found.flatMap(([kind, more, most]) => (more > most ? [`${kind}: ${more} more`] : []));
}

test.runIf(gaugesWork)('nothing of it stays', { timeout: 120_000 }, async () => {
  let now = await settle();
  const then = before!;
  await expect
    .poll(
      async () => {
        now = await readGauge(server);
        return excess(now, then);
      },
      { timeout: 60_000, interval: 1_000 },
    )
    .toEqual([]);
  if (count > 10_000) print(JSON.stringify({ count, seed, then, now }));
  const startedMs = performance.now();
  expect((await server.request('/ping')).status).toBe(204);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});
