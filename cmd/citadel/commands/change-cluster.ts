/** `citadel drain`, `remove`, `replicas` and `plan`: what shall change, and the copies that will be made for it. */

import { askJson } from './ask-node.ts';
import type { CommandIo, CommandOptions } from './command-io.ts';
import { renderTable, shortId } from './render-table.ts';

interface Answer {
  readonly dryRun: boolean;
  readonly changes: readonly {
    readonly kind: string;
    readonly shard: number;
    readonly node: string;
    readonly change: 'add' | 'remove';
  }[];
}

/** Copies made and given up by node. */
function renderChanges({ changes }: Answer): string {
  if (changes.length === 0) return 'no copy has to move\n';
  const counts = new Map<string, { add: number; remove: number }>();
  for (const { node, change } of changes) {
    const count = counts.get(node) ?? { add: 0, remove: 0 };
    count[change]++;
    counts.set(node, count);
  }
  const rows = [...counts].map(([node, { add, remove }]) => [shortId(node), add, remove]);
  return renderTable(['NODE', 'COPIES TO MAKE', 'COPIES TO GIVE UP'], rows);
}

function show(answer: Answer, { asJson }: CommandOptions, io: CommandIo): number {
  if (asJson) io.out(`${JSON.stringify(answer, undefined, 2)}\n`);
  else {
    io.out(renderChanges(answer));
    if (!answer.dryRun) io.out("accepted; 'citadel shards' shows how far it is\n");
  }
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
  return show(answer, options, io);
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

export async function showPlan(options: CommandOptions, io: CommandIo): Promise<number> {
  return show(await askJson<Answer>(options, '/cluster/plan', 'GET'), options, io);
}
