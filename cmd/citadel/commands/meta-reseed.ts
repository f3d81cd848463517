/** `citadel meta reseed`: asks every node what it knows, and lets the one with the newest catalog write it to etcd. */

import { type AskedNode, askJson, getJson } from './ask-node.ts';
import type { CommandIo, CommandOptions } from './command-io.ts';
import { shortId } from './render-table.ts';

interface Known {
  readonly node: string;
  readonly clusterUuid: string;
  readonly mapVersion: number;
  readonly catalogRevision: number;
  readonly refusal: string;
  readonly nodes: readonly { readonly uuid: string; readonly httpUrl: string }[];
}

interface Plan {
  readonly clusterUuid: string;
  readonly mapVersion: number;
  readonly shards: number;
  readonly databases: number;
  readonly catalogRecords: number;
  readonly droppedRecords: number;
  readonly replaces: string;
}

interface Survey {
  readonly known: readonly { readonly url: string; readonly said: Known }[];
  readonly silent: readonly string[];
}

const path = '/cluster/metadata';

/** The nodes that the first one names, and those that these name. */
async function askAll({ url, headers }: AskedNode): Promise<Survey> {
  const first = await getJson<Known>({ url, headers }, path);
  const known = [{ url, said: first }];
  const silent: string[] = [];
  const asked = new Set([first.node]);
  for (const { said } of known) {
    for (const { uuid, httpUrl } of said.nodes) {
      if (asked.has(uuid)) continue;
      asked.add(uuid);
      try {
        known.push({ url: httpUrl, said: await getJson<Known>({ url: httpUrl, headers }, path) });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        silent.push(`${shortId(uuid)} (${reason})`);
      }
    }
  }
  return { known, silent };
}

function renderPlan({ plan, dryRun }: { plan: Plan; dryRun: boolean }, node: string): string {
  const { shards, databases, catalogRecords, droppedRecords, replaces, mapVersion } = plan;
  const would = dryRun ? 'would write' : 'has written';
  const lines = [
    `node ${shortId(node)} ${would} cluster ${plan.clusterUuid} to etcd:`,
    `  ${shards} shard records, ${databases} databases in ${catalogRecords} catalog records, ${droppedRecords} records of drops`,
    `  map version ${mapVersion}`,
    `  in place of ${replaces === '' ? 'nothing: the place is empty' : replaces}`,
  ];
  return `${lines.join('\n')}\n`;
}

export async function reseed(options: CommandOptions, io: CommandIo): Promise<number> {
  const { headers, asJson, isDryRun, isForced } = options;
  const { known, silent } = await askAll(options);
  const best = known.reduce((a, b) => (b.said.catalogRevision > a.said.catalogRevision ? b : a));
  const others = known.filter((one) => one !== best).map(({ said }) => said);
  if (silent.length > 0 && !isForced && !isDryRun) {
    const names = silent.join(', ');
    io.err(`cannot reseed without what these nodes know: ${names}; start them, or add -force\n`);
    return 1;
  }
  if (!asJson) {
    for (const { said } of known) {
      const state = said.refusal === '' ? 'follows etcd' : said.refusal;
      io.err(`node ${shortId(said.node)}: map version ${said.mapVersion}, ${state}\n`);
    }
    for (const one of silent) io.err(`no answer from ${one}\n`);
  }
  const target = isDryRun ? '/cluster/reseed?dry-run=true' : '/cluster/reseed';
  const body = JSON.stringify({ others });
  const answer = await askJson<{ plan: Plan; dryRun: boolean }>(
    { url: best.url, headers },
    target,
    'POST',
    body,
  );
  io.out(asJson ? `${JSON.stringify(answer, undefined, 2)}\n` : renderPlan(answer, best.said.node));
  if (!asJson && !isDryRun) {
    io.out(
      "the nodes follow etcd again within seconds; 'citadel shards' and 'citadel verify' show that all is well\n",
    );
  }
  return 0;
}
