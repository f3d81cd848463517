/**
 * Reads every point back through /query and compares it with the pattern.
 *
 * One chunked query per series; a query that breaks is repeated from its start on the next server.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, makeUrl, openRequest, readText } from '../client/http.ts';
import { Progress } from '../client/progress.ts';
import { Servers } from '../client/servers.ts';
import { type Finding, type FindingKind, SeriesComparison } from './compare.ts';
import type { Journal } from './journal.ts';
import type { CheckerOptions } from './options.ts';
import { parseRows } from './parse-rows.ts';
import { formatSeriesTag } from './pattern.ts';

const chunkSize = '10000';
const queriesMax = 4;
const triesMax = 10;
const backoffMs = 200;
/** Findings shown of each kind; the totals count all. */
const shownMax = 20;

interface CheckState {
  readonly options: CheckerOptions;
  readonly servers: Servers;
  readonly acknowledged: Uint8Array | undefined;
  readonly totals: Map<FindingKind, number>;
  seriesDone: number;
  pointsBeyond: number;
  lostAcknowledged: number;
  queryErrors: number;
  note: (message: string) => void;
}

async function readSeries(
  server: string,
  { table, count }: CheckerOptions,
  series: number,
): Promise<SeriesComparison> {
  const q = `SELECT "f", "i", "s", "b", "crc" FROM "${table}" WHERE "id" = '${formatSeriesTag(series)}'`;
  const params = { db: table, epoch: 'ns', chunked: 'true', chunk_size: chunkSize, q };
  const incoming = await openRequest(makeUrl(server, '/query', params), { method: 'GET' });
  if (incoming.statusCode !== 200) {
    throw new Error(
      `HTTP ${incoming.statusCode} ${(await readText(incoming)).trim().slice(0, 200)}`,
    );
  }
  const comparison = new SeriesComparison(series, count);
  let rest = '';
  incoming.setEncoding('utf8');
  for await (const part of incoming) {
    const lines = (rest + (part as string)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') for (const point of parseRows(line)) comparison.add(point);
    }
  }
  if (rest.trim() !== '') for (const point of parseRows(rest)) comparison.add(point);
  return comparison;
}

async function readSeriesFromAny(state: CheckState, series: number): Promise<SeriesComparison> {
  for (let tries = 1; ; tries++) {
    const server = state.servers.current();
    try {
      return await readSeries(server, state.options, series);
    } catch (error) {
      state.queryErrors += 1;
      if (state.queryErrors <= shownMax) state.note(`error ${server}: ${describeError(error)}`);
      state.servers.moveOn(server);
      if (tries >= Math.max(triesMax, 2 * state.servers.count)) throw error;
      await sleep(backoffMs * tries);
    }
  }
}

function describeFinding(state: CheckState, { kind, series, index, text }: Finding): string {
  const place = `${kind}: series ${series} index ${index}`;
  if (kind !== 'missing' || state.acknowledged === undefined) return `${place}: ${text}`;
  const wasAcknowledged = state.acknowledged[index * state.options.series + series] === 1;
  if (wasAcknowledged) state.lostAcknowledged += 1;
  return `${place}: ${text} (${wasAcknowledged ? 'acknowledged' : 'never acknowledged'})`;
}

function report(state: CheckState, finding: Finding): void {
  const total = (state.totals.get(finding.kind) ?? 0) + 1;
  state.totals.set(finding.kind, total);
  const line = describeFinding(state, finding);
  if (total <= shownMax) process.stdout.write(`${line}\n`);
}

async function checkSeries(state: CheckState, series: number): Promise<void> {
  const comparison = await readSeriesFromAny(state, series);
  for (const finding of comparison.finish()) report(state, finding);
  state.pointsBeyond += comparison.beyondCount;
  state.seriesDone += 1;
}

async function checkAll(state: CheckState): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < state.options.series) await checkSeries(state, next++);
  };
  await Promise.all(Array.from({ length: queriesMax }, work));
}

function renderVerdict(state: CheckState): string {
  const { count, series } = state.options;
  const of = (kind: FindingKind) => state.totals.get(kind) ?? 0;
  const wrong = of('corrupt') + of('misplaced') + of('unexpected');
  const beyond = state.pointsBeyond > 0 ? `, ${state.pointsBeyond} beyond -count` : '';
  const lost =
    state.acknowledged === undefined ? '' : ` (${state.lostAcknowledged} of them acknowledged)`;
  return `checked: ${count * series} points, ${of('missing')} missing${lost}, ${wrong} wrong, ${of('duplicate')} duplicate${beyond}`;
}

/** True when every point is there, once and right. */
export async function checkTstore(options: CheckerOptions, journal: Journal): Promise<boolean> {
  const state: CheckState = {
    options,
    servers: new Servers(options.urls),
    acknowledged: journal.readAcknowledged(options.count * options.series, options.series),
    totals: new Map(),
    seriesDone: 0,
    pointsBeyond: 0,
    lostAcknowledged: 0,
    queryErrors: 0,
    note: () => undefined,
  };
  const progress = new Progress(
    () => `${state.seriesDone}/${options.series} series checked, ${state.queryErrors} errors`,
  );
  state.note = (message) => progress.note(message);
  try {
    await checkAll(state);
  } catch (error) {
    const urls = options.urls.join(', ');
    process.stderr.write(`ctchecker: cannot query ${urls}: ${describeError(error)}\n`);
    return false;
  } finally {
    progress.stop();
  }
  process.stdout.write(`${renderVerdict(state)}\n`);
  return state.totals.size === 0;
}
