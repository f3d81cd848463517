/** `citadel backup DIR`: takes a backup of a running node or cluster; `citadel backup verify DIR` checks one. */

import { Progress } from '../../client/progress.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { readInteger } from '../../flags/value-readers.ts';
import {
  type CatalogEntry,
  hasFile,
  type Kind,
  listManifests,
  type Manifest,
  readManifest,
  readNewest,
  readSection,
  type Section,
  storeSection,
  writeManifest,
} from './backup/manifest.ts';
import {
  type ClusterInfo,
  type CopyInfo,
  isUnmade,
  NodeClient,
  runInParallel,
  waitForCluster,
} from './backup/node-client.ts';
import { CommandError } from './command-error.ts';
import type { CommandIo } from './command-io.ts';
import { renderBytes } from './render-table.ts';
import { readFlag, type Tool, type ToolCall } from './tool.ts';
import { accessFlags, defaultUrl, readAccess, readUrls } from './transfer/transfer-flags.ts';

const parallelDefault = 2;
const parallelMax = 32;
/** A compaction may replace files while they are fetched: then their list is asked for again. */
const attemptsMax = 5;

interface Listed {
  readonly name: string;
  readonly key: string;
  readonly bytes: number;
}

interface Task {
  readonly kind: Kind;
  readonly shard: number;
  readonly copies: readonly CopyInfo[];
}

/** @throws CommandError when a shard has no copy that can be read */
function checkSources(info: ClusterInfo): void {
  for (const [kind, shards] of Object.entries(info.shards)) {
    for (const { shard, copies } of shards) {
      if (copies.some((copy) => isWhole(copy) || isUnmade(copy))) continue;
      throw new CommandError(`no copy of ${kind} shard ${shard} is whole`);
    }
  }
}

function isWhole({ state, faults, role }: CopyInfo): boolean {
  return state === 'active' && faults.length === 0 && role !== 'learner' && role !== 'leaving';
}

class Backup {
  readonly #client: NodeClient;
  readonly #folder: string;
  readonly #previous: Manifest | undefined;
  readonly #progress: Progress;
  readonly #sections: Section[] = [];
  #fetchedBytes = 0;
  #reused = 0;
  #shardsDone = 0;
  #shardCount = 0;

  constructor(client: NodeClient, folder: string, previous: Manifest | undefined) {
    this.#client = client;
    this.#folder = folder;
    this.#previous = previous;
    this.#progress = new Progress(
      () =>
        `${this.#shardsDone} of ${this.#shardCount} shards, ${renderBytes(this.#fetchedBytes)} fetched, ${this.#reused} sections unchanged`,
    );
  }

  get summary(): string {
    return `${renderBytes(this.#fetchedBytes)} fetched, ${this.#reused} of ${this.#sections.length} sections unchanged since the last one`;
  }

  async run(info: ClusterInfo, parallel: number): Promise<Omit<Manifest, 'begun' | 'finished'>> {
    try {
      const { entries } = await this.#client.askJson<{ entries: readonly CatalogEntry[] }>(
        '',
        '/cluster/backup/catalog',
        {},
      );
      const tasks = (['tstore', 'kstore'] as const).flatMap((kind) =>
        (info.shards[kind] ?? [])
          .filter(({ copies }) => !copies.every(isUnmade))
          .map(({ shard, copies }): Task => ({ kind, shard, copies })),
      );
      this.#shardCount = tasks.length;
      await runInParallel(tasks, parallel, (task) => this.#takeShard(task));
      const { version: release, cluster } = info;
      const { uuid: clusterUuid, shardCount } = cluster;
      const sections = this.#sections.sort(
        (a, b) => a.kind.localeCompare(b.kind) || a.shard - b.shard,
      );
      return { version: 1, release, clusterUuid, shardCount, catalog: entries, sections };
    } finally {
      this.#progress.stop();
    }
  }

  /** From the copy of the last backup if it is there: its unchanged files need not be fetched. */
  async #takeShard(task: Task): Promise<void> {
    const { kind, shard, copies } = task;
    const before = this.#previous?.sections.find(
      (one) => one.kind === kind && one.shard === shard,
    )?.node;
    const rank = ({ node, role }: CopyInfo) => (node === before ? 0 : role === 'primary' ? 1 : 2);
    const sources = copies.filter(isWhole).sort((a, b) => rank(a) - rank(b));
    let failure: unknown = new CommandError(`no copy of ${kind} shard ${shard} is whole`);
    for (const { node } of sources) {
      try {
        this.#sections.push(...(await this.#takeCopy(task, node)));
        this.#shardsDone++;
        return;
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  async #takeCopy({ kind, shard }: Task, node: string): Promise<Section[]> {
    const query = { kind, shard: String(shard) };
    const taken = new Map<string, Section>();
    for (let attempt = 1; ; attempt++) {
      const { sections } = await this.#client.askJson<{ sections: readonly Listed[] }>(
        node,
        '/cluster/backup/sections',
        query,
      );
      try {
        // What is in memory comes first: it may be in files later.
        const [memory, ...files] = sections;
        if (memory !== undefined && !taken.has(memory.name)) {
          taken.set(memory.name, await this.#takeSection(query, node, memory));
          if (files.length > 0) continue;
        }
        for (const listed of files) {
          const known = taken.get(listed.name);
          if (known !== undefined && known.key === listed.key) continue;
          taken.set(listed.name, await this.#takeSection(query, node, listed));
        }
        return [...taken.values()];
      } catch (error) {
        const isGone = error instanceof CommandError && error.message.includes('has no section');
        if (!isGone || attempt >= attemptsMax) throw error;
      }
    }
  }

  async #takeSection(
    query: { readonly kind: Kind; readonly shard: string },
    node: string,
    { name, key }: Listed,
  ): Promise<Section> {
    const { kind } = query;
    const shard = Number(query.shard);
    const known = this.#previous?.sections.find((one) => {
      return key !== '' && one.key === key && one.kind === kind && one.shard === shard;
    });
    if (known !== undefined && (await hasFile(this.#folder, known))) {
      this.#reused++;
      return known;
    }
    const parts = this.#client.stream(node, '/cluster/backup/section', { ...query, name });
    const stored = await storeSection(this.#folder, `${kind}-${shard}-${name}`, parts, (count) => {
      this.#fetchedBytes += count;
    });
    return { kind, shard, node, key, ...stored };
  }
}

async function take(folder: string, { flags }: ToolCall, io: CommandIo): Promise<number> {
  const read = (text: string) => readInteger(text, { min: 1, max: parallelMax });
  const parallel = readFlag(flags, 'parallel', read, parallelDefault);
  const client = new NodeClient(readUrls(flags, 'url')[0] ?? defaultUrl, readAccess(flags, ''));
  const info = await waitForCluster(client, checkSources);
  const names = await listManifests(folder);
  const last = names.at(-1);
  const previous = last === undefined ? undefined : await readManifest(folder, last);
  if (previous !== undefined && previous.clusterUuid !== info.cluster.uuid) {
    throw new CommandError(
      `cannot back up into ${folder}: it has backups of cluster ${previous.clusterUuid}, not of ${info.cluster.uuid}`,
    );
  }
  const begun = new Date().toISOString();
  const startMs = performance.now();
  const backup = new Backup(client, folder, previous);
  const made = await backup.run(info, parallel);
  const name = await writeManifest(folder, { ...made, begun, finished: new Date().toISOString() });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  io.out(`${name}: ${backup.summary}, in ${seconds} s\n`);
  return 0;
}

/** Reads everything that the newest manifest names, and checks it. */
export async function checkBackup(folder: string, manifest: Manifest): Promise<number> {
  let bytes = 0;
  for (const section of manifest.sections) {
    for await (const piece of readSection(folder, section)) bytes += piece.length;
  }
  return bytes;
}

async function verify(folder: string, io: CommandIo): Promise<number> {
  const { name, manifest } = await readNewest(folder);
  const bytes = await checkBackup(folder, manifest);
  const { sections, begun, clusterUuid } = manifest;
  io.out(
    `${name} is whole: ${sections.length} sections, ${renderBytes(bytes)}, cluster ${clusterUuid} as of ${begun}\n`,
  );
  return 0;
}

async function run(call: ToolCall, io: CommandIo): Promise<number> {
  const [first, second] = call.operands;
  if (first === 'verify' && second !== undefined) return verify(second, io);
  if (first === undefined || second !== undefined) {
    throw new UsageError('say where: citadel backup DIR, or citadel backup verify DIR');
  }
  return take(first, call, io);
}

export const backupTool: Tool = {
  summary: 'a copy of everything in a folder, while the cluster goes on serving',
  operands: '[verify] DIR',
  operandsMax: 2,
  flags: [
    { name: 'url', value: 'URL', help: `any node of the cluster [${defaultUrl}]` },
    ...accessFlags,
    { name: 'parallel', value: 'N', help: `shards at once [${parallelDefault}]` },
  ],
  details: [
    'DIR gets a manifest with the catalog (databases, policies, fields, queries, users) and the checksum of every file, and the contents of all shards, each as of one moment after the backup began: every write acknowledged before is in it. A second backup into the same folder fetches only what has changed since; each manifest stays a whole backup of its own.',
    "'citadel backup verify DIR' reads all of the newest one and checks it. Exit status: 0, or 1 when it could not be taken or is damaged.",
  ],
  examples: [
    'citadel backup /backups/citadel',
    'citadel backup verify /backups/citadel',
    'citadel restore /backups/citadel -url http://other:7086',
  ],
  run,
};
