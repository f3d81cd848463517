/**
 * Runs the hot half of the write path on made-up lines before the first request, so that a server answers
 * its first large bodies at the pace of all others: code that was never run takes some twenty times as long.
 *
 * Nothing is stored or sent: parser and splitter are of their own, and are garbage afterwards.
 * Deliberately short: a bounded number of rounds within a bounded time, pausing between rounds.
 */

import { invariant } from '../base/errors.ts';
import type { Clock, Timers } from '../env/env.ts';
import { LineParser } from '../lineprotocol/lineprotocol.ts';
import { BatchSplitter } from './split/split.ts';

const roundsMax = 60;
const workMsMax = 150;
const rowsPerBody = 500;
const seriesCount = 50;
const shardCount = 16;
/** Times a second apart, long ago; they go nowhere. */
const firstSecond = 1_000_000_000;
const policy = { dbId: '0000000000000001', rpId: '0000000000000001' };

/** The value of field `field` in a row: of all kinds, the usual ones most often. */
function writeValue(kind: number, row: number, field: number): string {
  const number = (row * 37 + field * 11) % 100;
  if (kind === 0 || (kind === 2 && field % 4 === 0)) return `${number}i`;
  if (kind === 1 || field % 4 === 1) return `${number}.${(row * 7) % 1000}`;
  return field % 4 === 2 ? `"state ${number}"` : number % 2 === 0 ? 'true' : 'false';
}

/** Lines of one kind: 0 integers, 1 floats, 2 a mixture. */
function makeBody(kind: number, fieldCount: number): Uint8Array {
  const lines: string[] = [];
  for (let row = 0; row < rowsPerBody; row++) {
    const host = row % seriesCount;
    const fields = Array.from(
      { length: fieldCount },
      (_, field) => `field_number_${field}=${writeValue(kind, row, field)}`,
    );
    const tags = `host=host_${host},region=region-${host % 5},rack=${host % 7},service=service ${host % 3}`;
    const seconds = firstSecond + Math.floor(row / seriesCount);
    lines.push(
      `kind${kind},${tags.replaceAll(' ', '\\ ')} ${fields.join(',')} ${seconds}000000000`,
    );
  }
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}

/** Resolves when the write path is warm, or the time for it is over. */
export async function warmWritePath(env: {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Pick<Timers, 'yieldNow'>;
}): Promise<void> {
  const parser = new LineParser();
  const splitter = new BatchSplitter();
  const bodies = [makeBody(0, 10), makeBody(1, 10), makeBody(2, 8)];
  let workMs = 0;
  for (let round = 0; round < roundsMax && workMs < workMsMax; round++) {
    const startMs = env.clock.monotonicMs();
    const body = bodies[round % bodies.length]!;
    const options = {
      database: 'warm-up',
      precision: 'ns',
      nowNs: 0n,
      sizeMax: body.length,
    } as const;
    const slice = parser.parse(body, options);
    invariant(slice.rowCount === rowsPerBody, 'every line of the warm-up is good');
    const accepts = new Uint8Array(slice.fields.length).fill(1);
    splitter.split(slice, { shardCount, ...policy, accepts });
    workMs += env.clock.monotonicMs() - startMs;
    await env.timers.yieldNow();
  }
}
