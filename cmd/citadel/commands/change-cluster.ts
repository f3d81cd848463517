/** `citadel drain`, `remove`, `replicas`, `rebalance` and `plan`: what shall change, and the copies that will be made for it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { askJson } from './ask-node.ts';
import type { CommandIo, CommandOptions } from './command-io.ts';
import { renderBytes, renderTable, shortId } from './render-table.ts';

/** Moves that are listed; the rest is counted. All are in the JSON. */
const listedMax = 50;
const watchPeriodMs = 1_000;

interface CopyChange {
  readonly kind: string;
  readonly shard: number;
  readonly node: string;
  readonly change: 'add' | 'remove';
  /** Absent in the answer of an older release. */
  readonly bytes?: number;
}

interface Answer {
  readonly dryRun: boolean;
  readonly changes: readonly CopyChange[];
  /** What was asked to be evened out, and is not done yet. */
  readonly balancing?: string;
}

function bytesOf(changes: readonly CopyChange[]): number {
  const made = changes.filter(({ change }) => change === 'add');
  return made.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
}

interface ShardChanges {
  readonly first: CopyChange;
  readonly from: CopyChange[];
  readonly to: CopyChange[];
}

/** A copy that is made and one that is given up, of one shard, are a move. */
function renderMoves(changes: readonly CopyChange[]): string {
  const shards = new Map<string, ShardChanges>();
  for (const one of changes) {
    const name = `${one.kind} ${one.shard}`;
    const known = shards.get(name) ?? { first: one, from: [], to: [] };
    shards.set(name, known);
    (one.change === 'add' ? known.to : known.from).push(one);
  }
  const rows = [...shards.values()].flatMap(({ first, from, to }) =>
    Array.from({ length: Math.max(from.length, to.length) }, (_, i) => [
      first.kind,
      first.shard,
      from[i] === undefined ? '-' : shortId(from[i].node),
      to[i] === undefined ? '-' : shortId(to[i].node),
      to[i] === undefined ? '-' : renderBytes(to[i].bytes ?? 0),
    ]),
  );
  const table = renderTable(['KIND', 'SHARD', 'FROM', 'TO', 'SIZE'], rows.slice(0, listedMax));
  const more = rows.length - listedMax;
  return more > 0 ? `${table}and ${more} more (-json has all)\n` : table;
}

/** Copies made and given up by node. */
function renderNodes(changes: readonly CopyChange[]): string {
  const nodes = [...new Set(changes.map(({ node }) => node))];
  const rows = nodes.map((node) => {
    const own = changes.filter((one) => one.node === node);
    const made = own.filter(({ change }) => change === 'add').length;
    return [shortId(node), made, own.length - made, renderBytes(bytesOf(own))];
  });
  return renderTable(['NODE', 'COPIES TO MAKE', 'COPIES TO GIVE UP', 'SIZE TO COPY'], rows);
}

function renderChanges({ changes }: Answer): string {
  if (changes.length === 0) return 'no copy has to move\n';
  return `${renderMoves(changes)}\n${renderNodes(changes)}`;
}

function show(answer: Answer, { asJson, isWatching }: CommandOptions, io: CommandIo): number {
  if (asJson) {
    io.out(`${JSON.stringify(answer, undefined, 2)}\n`);
    return 0;
  }
  io.out(renderChanges(answer));
  if (answer.dryRun || isWatching) return 0;
  io.out("accepted; 'citadel shards' shows how far it is, 'citadel plan' what is left\n");
  return 0;
}

/** Until no copy has to move any more. */
async function watch(total: number, options: CommandOptions, io: CommandIo): Promise<number> {
  let told = '';
  for (;;) {
    const { changes, balancing = '' } = await askJson<Answer>(options, '/cluster/plan', 'GET');
    if (changes.length === 0 && balancing === '') break;
    const steps = Math.max(total, changes.length);
    const done = steps - changes.length;
    const text = `${done} of ${steps} steps done, ${renderBytes(bytesOf(changes))} left to copy\n`;
    if (text !== told) io.err(text);
    told = text;
    await sleep(watchPeriodMs);
  }
  io.err('done\n');
  return 0;
}

async function change(
  path: string,
  parameters: Readonly<Record<string, string | undefined>>,
  options: CommandOptions,
  io: CommandIo,
): Promise<number> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) search.set(name, value);
  }
  if (options.isDryRun) search.set('dry-run', 'true');
  const answer = await askJson<Answer>(options, `${path}?${search}`, 'POST');
  show(answer, options, io);
  const isOver = answer.dryRun || !options.isWatching;
  return isOver ? 0 : watch(answer.changes.length, options, io);
}

export function drain(options: CommandOptions, io: CommandIo): Promise<number> {
  const cancel = options.isCancelled ? 'true' : undefined;
  return change('/cluster/drain', { node: options.operand, cancel }, options, io);
}

export function remove(options: CommandOptions, io: CommandIo): Promise<number> {
  const force = options.isForced ? 'true' : undefined;
  return change('/cluster/remove', { node: options.operand, force }, options, io);
}

export function setReplicas(options: CommandOptions, io: CommandIo): Promise<number> {
  return change('/cluster/replicas', { count: options.operand }, options, io);
}

export function rebalance(options: CommandOptions, io: CommandIo): Promise<number> {
  const cancel = options.isCancelled ? 'true' : undefined;
  const by = options.by === '' ? undefined : options.by;
  return change('/cluster/rebalance', { by, cancel }, options, io);
}

export async function showPlan(options: CommandOptions, io: CommandIo): Promise<number> {
  return show(await askJson<Answer>(options, '/cluster/plan', 'GET'), options, io);
}
