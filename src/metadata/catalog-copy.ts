/**
 * A copy of the catalog in the data directory, so that a node can start and serve while etcd is away.
 *
 * Stands between the catalog and its store: each range of the catalog that the store answers is written down, and each
 * change that the watch tells is appended. When the store does not answer, the range comes from the
 * copy, and as soon as it answers again the catalog is told to read anew. Nothing is ever decided on the
 * copy: changes are guarded by the store, which is away.
 *
 * Layout: docs/formats/metadata.md. The copy is not synced: what a power cut takes from its end is in etcd.
 */

import { crc32 } from 'node:zlib';
import { CitadelError } from '../base/errors.ts';
import type { Disk, DiskFile, Env, TimerHandle } from '../env/env.ts';
import { catalogPrefix, droppedPrefix } from './meta-keys.ts';
import type {
  MetaChange,
  MetaLease,
  MetaRange,
  MetaRecord,
  MetaStore,
  MetaTransaction,
  MetaTransactionResult,
  MetaWatch,
  WatchNotice,
} from './meta-store.ts';

export const catalogCopyFile = 'catalog-copy.log';
/** Positive records of drops, as last read: only for a reseed. */
export const droppedCopyFile = 'dropped-copy.log';
const temporaryFile = `${catalogCopyFile}.new`;
const formatVersion = 1;
const recordsPerLine = 200;
const retryMs = 2_000;
/** Changes longer than this, and than the records before them, are folded by reading the catalog anew. */
const changesSizeMax = 8 * 1024 * 1024;
/** Changes waiting to be appended; with more the disk is hopeless, and the copy ends where it is. */
const waitingMax = 10_000;

interface Head {
  readonly v: number;
  readonly clusterUuid: string;
  readonly revision: number;
  readonly lines: number;
}

interface ChangeLine {
  readonly revision: number;
  readonly changes: readonly MetaChange[];
}

function renderLine(value: unknown): Uint8Array {
  const json = JSON.stringify(value);
  const checksum = crc32(json).toString(16).padStart(8, '0');
  return new TextEncoder().encode(`${checksum} ${json}\n`);
}

/** Undefined: torn or damaged. */
function parseLine(line: string): unknown {
  const json = line.slice(9);
  if (line[8] !== ' ' || crc32(json) !== Number.parseInt(line.slice(0, 8), 16)) return undefined;
  return JSON.parse(json);
}

/** What a copy says; undefined when it is not whole or not of this cluster. */
export function readCatalogCopy(bytes: Uint8Array, clusterUuid: string): MetaRange | undefined {
  const lines = new TextDecoder().decode(bytes).split('\n');
  const head = parseLine(lines[0] ?? '') as Head | undefined;
  if (head?.v !== formatVersion || head.clusterUuid !== clusterUuid) return undefined;
  const records = new Map<string, MetaRecord>();
  for (let i = 1; i <= head.lines; i++) {
    const part = parseLine(lines[i] ?? '') as readonly MetaRecord[] | undefined;
    if (part === undefined) return undefined;
    for (const record of part) records.set(record.key, record);
  }
  let { revision } = head;
  for (let i = head.lines + 1; i < lines.length; i++) {
    const line = parseLine(lines[i] ?? '') as ChangeLine | undefined;
    if (line === undefined) break;
    if (line.revision <= revision) continue;
    revision = line.revision;
    for (const change of line.changes) {
      if (change.kind === 'put') records.set(change.record.key, change.record);
      else records.delete(change.key);
    }
  }
  const sorted = [...records.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { revision, records: sorted };
}

export class CatalogCopy implements MetaStore {
  readonly #env: Pick<Env, 'timers' | 'log'>;
  readonly #store: MetaStore;
  readonly #disk: Disk;
  readonly #clusterUuid: string;
  #file: DiskFile | undefined;
  #recordsSize = 0;
  #changesSize = 0;
  #waiting = 0;
  #work: Promise<void> = Promise.resolve();
  #isFromCopy = false;
  #retry: TimerHandle | undefined;
  #closed = false;

  constructor(env: Pick<Env, 'timers' | 'log'>, store: MetaStore, disk: Disk, clusterUuid: string) {
    this.#env = env;
    this.#store = store;
    this.#disk = disk;
    this.#clusterUuid = clusterUuid;
  }

  get(key: string): Promise<MetaRecord | undefined> {
    return this.#store.get(key);
  }

  async range(prefix: string): Promise<MetaRange> {
    if (prefix === droppedPrefix) return this.#rangeDropped();
    if (prefix !== catalogPrefix) return this.#store.range(prefix);
    try {
      const range = await this.#store.range(prefix);
      this.#isFromCopy = false;
      this.#enqueue(() => this.#write(range));
      return range;
    } catch (error) {
      const copy = await this.#readCopy(error);
      if (copy === undefined) throw error;
      this.#env.log.warn('serving with a copy of the catalog', {
        revision: copy.revision,
        error: String(error),
      });
      this.#isFromCopy = true;
      return copy;
    }
  }

  async #rangeDropped(): Promise<MetaRange> {
    const range = await this.#store.range(droppedPrefix);
    const head = { v: formatVersion, clusterUuid: this.#clusterUuid, revision: range.revision };
    const parts = [renderLine({ ...head, lines: 1 }), renderLine(range.records)];
    this.#enqueue(() => this.#disk.writeAtomic(droppedCopyFile, Buffer.concat(parts)));
    return range;
  }

  transaction(transaction: MetaTransaction): Promise<MetaTransactionResult> {
    return this.#store.transaction(transaction);
  }

  watch(prefix: string, fromRevision: number, listener: (notice: WatchNotice) => void): MetaWatch {
    if (prefix !== catalogPrefix) return this.#store.watch(prefix, fromRevision, listener);
    if (this.#isFromCopy) return this.#watchForReturn(listener);
    return this.#store.watch(prefix, fromRevision, (notice) => {
      listener(notice);
      if (notice.kind === 'changes') this.#append(notice);
    });
  }

  grantLease(ttlMs: number): Promise<MetaLease> {
    return this.#store.grantLease(ttlMs);
  }

  keepLeaseAlive(id: string): Promise<void> {
    return this.#store.keepLeaseAlive(id);
  }

  revokeLease(id: string): Promise<void> {
    return this.#store.revokeLease(id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await this.#work;
    await this.#file?.close();
    await this.#store.close();
  }

  /** Tells the watcher to read anew when the store answers. */
  #watchForReturn(listener: (notice: WatchNotice) => void): MetaWatch {
    let isOpen = true;
    const look = async () => {
      try {
        const { revision } = await this.#store.range(catalogPrefix);
        if (isOpen && !this.#closed) listener({ kind: 'compacted', revision });
      } catch {
        schedule();
      }
    };
    const schedule = () => {
      if (isOpen && !this.#closed) this.#retry = this.#env.timers.after(retryMs, () => void look());
    };
    schedule();
    return {
      close: () => {
        isOpen = false;
        this.#retry?.cancel();
      },
    };
  }

  async #readCopy(error: unknown): Promise<MetaRange | undefined> {
    if (!(error instanceof CitadelError) || error.code !== 'unavailable') return undefined;
    await this.#work;
    try {
      return readCatalogCopy(await this.#disk.readAll(catalogCopyFile), this.#clusterUuid);
    } catch {
      return undefined;
    }
  }

  #append({ revision, changes }: ChangeLine): void {
    if (this.#waiting >= waitingMax) return;
    this.#enqueue(async () => {
      const file = this.#file;
      if (file === undefined) return;
      const line = renderLine({ revision, changes });
      await file.append([line]);
      this.#changesSize += line.length;
      if (this.#changesSize <= Math.max(changesSizeMax, this.#recordsSize)) return;
      await this.#write(await this.#store.range(catalogPrefix));
    });
  }

  /** A copy that cannot be kept is no reason to stop; it ends where it is. */
  #enqueue(job: () => Promise<void>): void {
    this.#waiting++;
    this.#work = this.#work.then(job).then(
      () => {
        this.#waiting--;
      },
      async (error: unknown) => {
        this.#waiting--;
        this.#env.log.warn('cannot keep a copy of the catalog', { error: String(error) });
        const file = this.#file;
        this.#file = undefined;
        await file?.close().catch(() => undefined);
      },
    );
  }

  async #write({ revision, records }: MetaRange): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    await this.#disk.remove(temporaryFile).catch(() => undefined);
    const file = await this.#disk.open(temporaryFile, 'create');
    try {
      const lines = Math.ceil(records.length / recordsPerLine);
      const clusterUuid = this.#clusterUuid;
      await file.append([renderLine({ v: formatVersion, clusterUuid, revision, lines })]);
      for (let i = 0; i < records.length; i += recordsPerLine) {
        await file.append([renderLine(records.slice(i, i + recordsPerLine))]);
        await this.#env.timers.yieldNow();
      }
      await file.datasync();
      this.#recordsSize = await file.size();
    } finally {
      await file.close();
    }
    await this.#disk.rename(temporaryFile, catalogCopyFile);
    this.#file = await this.#disk.open(catalogCopyFile, 'append');
    this.#changesSize = 0;
  }
}
