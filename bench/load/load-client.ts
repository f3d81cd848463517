/**
 * A client that loads generated rows over HTTP, in a process of its own: bodies are made first, then
 * sent over a few keep-alive connections as fast as the server answers. Prints one line of JSON.
 *
 * Bodies go to the URLs in turn.
 *
 * Arguments: URL[,URL...] DATABASE integer|float|series ROWS ROWS_PER_BODY CONNECTIONS
 */

import { Agent, request } from 'node:http';
import { manySeriesBodies, tsbsBodies, tsbsDay } from '../tsbs/tsbs-cpu.ts';

const [, , urls = '', database = '', kind = '', rowsText, sizeText, connectionText] = process.argv;
const rows = Number(rowsText);
const rowsPerBody = Number(sizeText);
const connections = Number(connectionText);
const retriesMax = 200;

const agent = new Agent({ keepAlive: true, maxSockets: connections });
const targets = urls.split(',').map((url) => `${url}/write?db=${database}`);
let sentCount = 0;

interface Answer {
  readonly status: number;
  readonly text: string;
}

function post(body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Length': body.length };
    const target = targets[sentCount++ % targets.length]!;
    const outgoing = request(target, { method: 'POST', agent, headers }, (incoming) => {
      let text = '';
      incoming.on('data', (part: Buffer) => {
        text += part.toString();
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

let retries = 0;

/** Repeats what the server was too busy for, as a real client does. */
async function send(body: Buffer): Promise<void> {
  for (let attempt = 0; attempt < retriesMax; attempt++) {
    const { status, text } = await post(body);
    if (status === 204) return;
    if (status !== 503) throw new Error(`${status} ${text.slice(0, 500)}`);
    retries++;
    await pause(50);
  }
  throw new Error('the server stays too busy');
}

function makeBodies(): Buffer[] {
  if (kind === 'series') return [...manySeriesBodies(rows, rowsPerBody)];
  return [...tsbsBodies({ ...tsbsDay, rows, float: kind === 'float' }, rowsPerBody)];
}

const bodies = makeBodies();
let next = 0;
const latencies: number[] = [];

async function work(): Promise<void> {
  while (next < bodies.length) {
    const body = bodies[next++]!;
    const start = performance.now();
    await send(body);
    latencies.push(performance.now() - start);
  }
}

const start = performance.now();
await Promise.all(Array.from({ length: connections }, work));
const ms = performance.now() - start;
agent.destroy();
latencies.sort((a, b) => a - b);
const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0;
const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
console.log(JSON.stringify({ rows, bytes, ms, retries, p99 }));
