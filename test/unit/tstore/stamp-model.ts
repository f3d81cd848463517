/** The reference for tests of the rule for rows without stamps: histories of writes and deletes, merged from the definition. */

import { deleteFrame, origins, pointsFrame, rawPlan } from './store-world.ts';

const timeCount = 12;
const entryCount = 60;
const name = { measurement: 'm', tags: [] };
const start = 1_600_000_000_000_000_000n;

/** Asks for all that histories write. */
export const modelPlan = rawPlan('m', [['v', 'integer']]);

export function random(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Operation {
  readonly kind: 'write' | 'delete';
  readonly hlc: number;
  readonly origin: string;
  /** Times [from, until). */
  readonly from: number;
  readonly until: number;
  readonly value: bigint;
}

/** What each origin did, in its order. */
export type History = ReadonlyMap<string, readonly Operation[]>;

export function makeHistory(next: () => number): History {
  const queues = new Map<string, Operation[]>(origins.map((origin) => [origin, []]));
  let hlc = 1;
  for (let i = 0; i < entryCount; i++) {
    // Some stamps are equal but for their origin.
    hlc += Math.floor(next() * 3);
    const origin = origins[Math.floor(next() * 3)]!;
    const queue = queues.get(origin)!;
    const last = queue[queue.length - 1];
    if (last !== undefined && last.hlc >= hlc) hlc = last.hlc + 1;
    const kind = next() < 0.12 ? 'delete' : 'write';
    const from = Math.floor(next() * timeCount);
    const length = 1 + Math.floor(next() * (kind === 'delete' ? 4 : 3));
    const until = Math.min(timeCount, from + length);
    queue.push({ kind, hlc, origin, from, until, value: BigInt(i) });
  }
  return queues;
}

export function frameOf(operation: Operation): Uint8Array {
  const { from, until, value } = operation;
  if (operation.kind === 'delete') {
    return deleteFrame({ range: { min: start + BigInt(from), max: start + BigInt(until) - 1n } });
  }
  const times = Array.from({ length: until - from }, (_, i) => start + BigInt(from + i));
  return pointsFrame(
    times.map((time) => ({ name, time, fields: { v: { type: 'integer' as const, value } } })),
  );
}

function isLater(a: Operation, b: Operation): boolean {
  return a.hlc > b.hlc || (a.hlc === b.hlc && a.origin > b.origin);
}

function winnerAt(t: number, operations: readonly Operation[]): Operation | undefined {
  const here = operations.filter(({ from, until }) => from <= t && t < until);
  const writes = here.filter(({ kind }) => kind === 'write');
  if (writes.length === 0) return undefined;
  const best = writes.reduce((a, b) => (isLater(b, a) ? b : a));
  const hidden = here.some((other) => other.kind === 'delete' && isLater(other, best));
  return hidden ? undefined : best;
}

/** The merge of the operations, straight from the definition. */
export function expectedRows(operations: readonly Operation[]): string[] {
  const rows: string[] = [];
  for (let t = 0; t < timeCount; t++) {
    const winner = winnerAt(t, operations);
    if (winner !== undefined) rows.push(`m ${start + BigInt(t)} ${winner.value}i`);
  }
  return rows;
}

/** Whether rows can be the merge of `sure` and, cell by cell, any of `maybe`. */
export function isBetween(
  rows: readonly string[],
  sure: readonly Operation[],
  maybe: readonly Operation[],
): boolean {
  const found = new Map(rows.map((row) => [row.split(' ')[1], row.split(' ')[2]]));
  for (let t = 0; t < timeCount; t++) {
    const text = found.get(`${start + BigInt(t)}`);
    const here = maybe.filter(({ from, until }) => from <= t && t < until);
    // More operations can only replace a winner by a later one, or hide it.
    const possible = [sure, ...here.map((one) => [...sure, one])].map((all) => winnerAt(t, all));
    const values = possible.map((one) => (one === undefined ? undefined : `${one.value}i`));
    if (!values.includes(text)) return false;
  }
  return true;
}
