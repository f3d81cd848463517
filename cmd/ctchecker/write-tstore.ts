/**
 * Writes the test points at a steady rate and keeps at each batch until a server acknowledges it.
 *
 * An error that leaves open whether the batch was stored (5xx, a lost connection) is answered by
 * sending the same batch again: points are functions of their number, so repeating is harmless.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { makeUrl } from '../client/http.ts';
import { type Attempt, attempt, insist } from '../client/insist.ts';
import { Progress } from '../client/progress.ts';
import { Servers } from '../client/servers.ts';
import type { Journal } from './journal.ts';
import type { CheckerOptions } from './options.ts';
import { formatPoint } from './pattern.ts';

const batchPointsMax = 5_000;
const batchesPerSecond = 20;
const inFlightMax = 16;
/** How long one batch is tried before it counts as not acknowledged. */
const patienceMs = 120_000;
const notesMax = 20;

interface WriteState {
  readonly options: CheckerOptions;
  readonly servers: Servers;
  readonly journal: Journal;
  readonly startedMs: number;
  acknowledged: number;
  givenUp: number;
  errors: number;
  lastError: string;
  lastAcknowledgedMs: number;
  longestPauseMs: number;
  note: (message: string) => void;
}

function post(url: URL, body: string): Promise<Attempt> {
  return attempt(url, { method: 'POST', body });
}

/** POST /create; a server that does not know it is asked in InfluxQL. */
async function createDatabase(server: string, table: string): Promise<Attempt> {
  const created = await post(makeUrl(server, '/create', { db: table }), '');
  if (!created.why.startsWith('HTTP 404')) return created;
  return post(makeUrl(server, '/query', { q: `CREATE DATABASE "${table}"` }), '');
}

function renderBatch({ table, series }: CheckerOptions, from: number, until: number): string {
  let body = '';
  for (let n = from; n < until; n++) {
    body += `${formatPoint(table, n % series, Math.floor(n / series))}\n`;
  }
  return body;
}

function countError(state: WriteState, server: string, why: string): void {
  state.errors += 1;
  state.lastError = `${server}: ${why}`;
  if (state.errors <= notesMax) state.note(`error ${state.lastError}`);
}

async function writeBatch(state: WriteState, from: number, until: number): Promise<void> {
  const { servers, options, journal } = state;
  const body = renderBatch(options, from, until);
  const { outcome } = await insist({
    servers,
    send: (server) => post(makeUrl(server, '/write', { db: options.table, precision: 'ns' }), body),
    onError: (server, why) => countError(state, server, why),
    patienceMs,
  });
  if (outcome === 'acknowledged') {
    journal.acknowledge(from, until);
    state.acknowledged += until - from;
    const nowMs = performance.now();
    state.longestPauseMs = Math.max(state.longestPauseMs, nowMs - state.lastAcknowledgedMs);
    state.lastAcknowledgedMs = nowMs;
  } else {
    journal.giveUp(from, until);
    state.givenUp += until - from;
  }
}

/** Sends batches when they are due; when too many are in flight it waits, and the rate falls. */
async function writeAll(state: WriteState, total: number): Promise<void> {
  const { rate } = state.options;
  const batchPoints = Math.max(1, Math.min(batchPointsMax, Math.round(rate / batchesPerSecond)));
  const inFlight = new Set<Promise<void>>();
  for (let from = 0; from < total; from += batchPoints) {
    const dueMs = state.startedMs + (from / rate) * 1000;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 1) await sleep(earlyMs);
    while (inFlight.size >= inFlightMax) await Promise.race(inFlight);
    const batch = writeBatch(state, from, Math.min(total, from + batchPoints)).finally(() =>
      inFlight.delete(batch),
    );
    inFlight.add(batch);
  }
  await Promise.all(inFlight);
}

function renderProgress(state: WriteState, total: number): string {
  const seconds = Math.max(0.001, (performance.now() - state.startedMs) / 1000);
  const rate = Math.round(state.acknowledged / seconds);
  const share = Math.floor((100 * state.acknowledged) / total);
  return `${state.acknowledged}/${total} acknowledged (${share} %), ${rate}/s, ${state.errors} errors`;
}

/** True when every point was acknowledged. */
export async function writeTstore(options: CheckerOptions, journal: Journal): Promise<boolean> {
  const servers = new Servers(options.urls);
  const total = options.count * options.series;
  process.stderr.write(`journal: ${journal.path}\n`);
  const created = await insist({
    servers,
    send: (server) => createDatabase(server, options.table),
    onError: (server, why) => process.stderr.write(`error ${server}: ${why}\n`),
    patienceMs,
  });
  if (created.outcome !== 'acknowledged') {
    process.stderr.write(`ctchecker: cannot create database ${options.table}: ${created.why}\n`);
    return false;
  }
  journal.startRun(options);
  const startedMs = performance.now();
  const state: WriteState = {
    options,
    servers,
    journal,
    startedMs,
    acknowledged: 0,
    givenUp: 0,
    errors: 0,
    lastError: '',
    lastAcknowledgedMs: startedMs,
    longestPauseMs: 0,
    note: () => undefined,
  };
  const progress = new Progress(() => renderProgress(state, total));
  state.note = (message) => progress.note(message);
  await writeAll(state, total);
  progress.stop();
  const pause = Math.round(state.longestPauseMs);
  process.stdout.write(
    `written: ${state.acknowledged} acknowledged, ${state.givenUp} not acknowledged, ${state.errors} errors, longest pause ${pause} ms\n`,
  );
  return state.acknowledged === total;
}
