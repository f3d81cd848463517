/** `citadel restore DIR`: brings a backup into another cluster, or databases back under other names. */

import { randomBytes } from 'node:crypto';
import { Progress } from '../../client/progress.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { readInteger } from '../../flags/value-readers.ts';
import {
  type Kind,
  type Manifest,
  readNewest,
  readSection,
  type Section,
} from './backup/manifest.ts';
import {
  type ClusterInfo,
  isUnmade,
  NodeClient,
  runInParallel,
  waitForCluster,
} from './backup/node-client.ts';
import { checkBackup } from './backup.ts';
import { CommandError } from './command-error.ts';
import type { CommandIo } from './command-io.ts';
import { renderBytes } from './render-table.ts';
import { isSet, listOf, readFlag, type Tool, type ToolCall } from './tool.ts';
import { accessFlags, defaultUrl, readAccess, readUrls } from './transfer/transfer-flags.ts';

const parallelDefault = 4;
const parallelMax = 32;

interface RestoredDatabase {
  readonly name: string;
  readonly newName: string;
}

interface Wanted {
  /** Name in the backup -> name here. */
  readonly renames: Readonly<Record<string, string>>;
  /** Null = all. */
  readonly only: readonly string[] | null;
  readonly withKeys: boolean;
}

/** `a=b` gives a database another name, `a` takes it as it is; without any, all come. */
function readWanted(call: ToolCall): Wanted {
  const renames: Record<string, string> = {};
  const only: string[] = [];
  for (const text of listOf(call.flags, 'database')) {
    const [name = '', newName = name, ...more] = text.split('=');
    if (name === '' || newName === '' || more.length > 0) {
      throw new UsageError(`bad value "${text}" for -database: expected NAME or NAME=NEWNAME`);
    }
    only.push(name);
    renames[name] = newName;
  }
  const isAll = only.length === 0;
  const withKeys = isSet(call.flags, 'keys') || (isAll && !isSet(call.flags, 'no-keys'));
  return { renames, only: isAll ? null : only, withKeys };
}

class Restore {
  readonly #client: NodeClient;
  readonly #folder: string;
  readonly #databases: readonly RestoredDatabase[];
  readonly #progress: Progress;
  #sentBytes = 0;
  #totalBytes = 0;

  constructor(client: NodeClient, folder: string, databases: readonly RestoredDatabase[]) {
    this.#client = client;
    this.#folder = folder;
    this.#databases = databases;
    this.#progress = new Progress(
      () => `${renderBytes(this.#sentBytes)} of ${renderBytes(this.#totalBytes)} sent`,
    );
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Every copy of a shard gets all of its sections. */
  async run(sections: readonly Section[], info: ClusterInfo, parallel: number): Promise<void> {
    const tasks = sections.flatMap((section) => {
      return copiesOf(info, section.kind, section.shard).map((node) => ({ section, node }));
    });
    this.#totalBytes = tasks.reduce((sum, { section }) => sum + section.bytes, 0);
    try {
      await runInParallel(tasks, parallel, ({ section, node }) => this.#send(section, node));
    } finally {
      this.#progress.stop();
    }
  }

  async #send(section: Section, node: string): Promise<void> {
    const session = randomBytes(8).toString('hex');
    const query = { kind: section.kind, shard: String(section.shard), session };
    const databases = JSON.stringify({ databases: this.#databases });
    await this.#client.askJson(node, '/cluster/restore/open', query, databases);
    for await (const piece of readSection(this.#folder, section)) {
      await this.#client.askJson(node, '/cluster/restore/piece', query, piece);
      this.#sentBytes += piece.length;
    }
    await this.#client.askJson(node, '/cluster/restore/finish', query, '{}');
  }
}

/** @throws CommandError while a copy is missing or moving: it would lack what is restored */
function copiesOf(info: ClusterInfo, kind: Kind, shard: number): string[] {
  const copies = info.shards[kind]?.find((one) => one.shard === shard)?.copies ?? [];
  const unwell = copies.find((copy) => {
    const isWell = copy.state === 'active' && copy.role !== 'learner' && copy.role !== 'leaving';
    return !isWell && !isUnmade(copy);
  });
  if (copies.length === 0 || unwell !== undefined) {
    const what = unwell === undefined ? 'is missing' : `on node ${unwell.node} is ${unwell.state}`;
    throw new CommandError(`cannot restore now: a copy of ${kind} shard ${shard} ${what}`);
  }
  return copies.map(({ node }) => node);
}

function checkTarget(manifest: Manifest, { cluster }: ClusterInfo): void {
  if (manifest.shardCount === cluster.shardCount) return;
  throw new CommandError(
    `cannot restore a backup of ${manifest.shardCount} shards into a cluster of ${cluster.shardCount}: start the new one with -shards ${manifest.shardCount}`,
  );
}

/** Names that are not in the backup are told before anything is made. */
function checkWanted(manifest: Manifest, { only }: Wanted): void {
  const names = manifest.catalog
    .filter(({ key }) => key.startsWith('catalog/databases/'))
    .map(({ value }) => (JSON.parse(value) as { name: string }).name);
  const absent = only?.find((name) => !names.includes(name));
  if (absent === undefined) return;
  throw new CommandError(
    `the backup has no database ${JSON.stringify(absent)}; it has ${names.map((name) => JSON.stringify(name)).join(', ')}`,
  );
}

async function run(call: ToolCall, io: CommandIo): Promise<number> {
  const { operands, flags } = call;
  const [folder] = operands;
  if (folder === undefined) throw new UsageError('say from where: citadel restore DIR');
  const wanted = readWanted(call);
  const read = (text: string) => readInteger(text, { min: 1, max: parallelMax });
  const parallel = readFlag(flags, 'parallel', read, parallelDefault);
  const { name, manifest } = await readNewest(folder);
  checkWanted(manifest, wanted);
  const client = new NodeClient(readUrls(flags, 'url')[0] ?? defaultUrl, readAccess(flags, ''));
  checkTarget(manifest, await client.info());
  await checkBackup(folder, manifest);
  io.err(`${name} is whole\n`);
  if (wanted.withKeys) await client.askJson('', '/cluster/restore/keys', {}, '{}');
  const sections = manifest.sections.filter(({ kind }) => kind === 'tstore' || wanted.withKeys);
  const info = await waitForCluster(client, (seen) => {
    for (const { kind, shard } of sections) copiesOf(seen, kind, shard);
  });
  const { renames, only } = wanted;
  const body = JSON.stringify({ entries: manifest.catalog, renames, only });
  const { databases } = await client.askJson<{ databases: readonly RestoredDatabase[] }>(
    '',
    '/cluster/restore/catalog',
    {},
    body,
  );
  const restore = new Restore(client, folder, databases);
  try {
    await restore.run(sections, info, parallel);
  } catch (error) {
    const names = databases.map(({ newName }) => JSON.stringify(newName)).join(', ');
    const said = error instanceof Error ? error.message : String(error);
    throw new CommandError(`${said}; what came is not whole: drop ${names} and restore again`);
  }
  for (const { name: from, newName } of databases) {
    io.out(`database ${from}${from === newName ? '' : ` as ${newName}`}\n`);
  }
  io.out(
    `restored as of ${manifest.begun}: ${renderBytes(restore.sentBytes)}; 'citadel verify' compares the copies\n`,
  );
  return 0;
}

export const restoreTool: Tool = {
  summary: 'databases and keys of a backup, into this cluster or another one',
  operands: 'DIR',
  operandsMax: 1,
  flags: [
    { name: 'url', value: 'URL', help: `any node of the cluster [${defaultUrl}]` },
    ...accessFlags,
    {
      name: 'database',
      value: 'NAME[=NEW]',
      help: 'only this one, under a new name if one is given; may be repeated [all]',
    },
    { name: 'keys', isSwitch: true, help: 'keys too, where -database names databases' },
    { name: 'no-keys', isSwitch: true, help: 'databases only' },
    { name: 'parallel', value: 'N', help: `streams at once [${parallelDefault}]` },
  ],
  details: [
    'The newest backup in DIR is read and checked from end to end before anything is made; a damaged one is refused. Databases must not be there yet: give them other names, or drop them first. The cluster may have other nodes and another number of copies, but must have the same number of shards. Of keys the newer value stays. All copies must be in place; every one is written.',
    'Exit status: 0, or 1 with the reason.',
  ],
  examples: [
    'citadel restore /backups/citadel',
    'citadel restore /backups/citadel -database metrics=metrics_old',
  ],
  run,
};
