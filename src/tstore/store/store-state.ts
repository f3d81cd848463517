/**
 * Everything one store holds, shared by the parts that work on it (apply, flush, compaction, scans).
 * One thread owns it; what waits keeps nothing across the wait that another part may change.
 */

import { CitadelError } from '../../base/errors.ts';
import { FrameSlabs } from '../../model/frame-slab.ts';
import type { CatalogFile } from '../catalog/catalog-file.ts';
import type { FileRecord, Tombstone } from '../catalog/catalog-rows.ts';
import type { StorePolicy, TStoreOptions } from '../contract.ts';
import { fullStampRule, type StampRule } from '../flush/stamp-rule.ts';
import { DatabaseIndex } from '../index/database-index.ts';
import { FieldNames } from '../memtable/field-names.ts';
import { Memtable } from '../memtable/memtable.ts';
import { Origins } from '../merge/origins.ts';
import { defaultDurationNs } from '../partition/partition-bounds.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import { PartitionSet } from '../partition/partition-set.ts';

const faultsMax = 1000;
/** Of one store: about 450,000 chunks. The file used last is kept whatever its size. */
const directoryBytesMax = 32 * 1024 * 1024;

export class StoreState {
  readonly options: TStoreOptions;
  readonly rule: StampRule;
  readonly catalog: CatalogFile;
  readonly databases = new Map<string, DatabaseIndex>();
  readonly fieldNames = new FieldNames();
  readonly origins = new Origins();
  readonly slabs = new FrameSlabs();
  /** Takes new frames. */
  active = new Memtable();
  /** Being flushed, the oldest first; more than one only after a flush failed. */
  frozen: readonly Memtable[] = [];
  readonly partitions = new Map<string, PartitionSet>();
  /** By database; the arrays are replaced, never changed. */
  readonly tombstones = new Map<string, readonly Tombstone[]>();
  tombstoneNoNext: number;
  /** Tombstones below this number are in the catalog. */
  tombstoneNoSaved: number;
  /** `dbId` or `dbId/rpId`. */
  readonly dropped = new Set<string>();
  /** Those of them that are in the catalog. */
  readonly droppedSaved = new Set<string>();
  readonly faults: string[] = [];
  /** Dropped or expired files that some scan still sees. */
  readonly doomed: PartitionFile[] = [];
  /** Some series may be in no file and no memtable any more. */
  sweepNeeded = true;
  /** A sweep is under way, or could not judge all series. */
  sweepUnfinished = false;
  isClosed = false;
  /** Snapshots, merges and digests under way: no tombstone and no name of a series goes meanwhile. */
  private holds = 0;
  private readonly policies = new Map<string, StorePolicy>();

  constructor(options: TStoreOptions, catalog: CatalogFile) {
    this.options = options;
    this.rule = options.rule ?? fullStampRule;
    this.catalog = catalog;
    this.tombstoneNoNext = catalog.meta.tombstoneNoNext;
    this.tombstoneNoSaved = catalog.meta.tombstoneNoNext;
    this.setPolicies(options.policies);
  }

  /** Keeps every tombstone and every name of a series until the returned function is called; calling that again does nothing. */
  hold(): () => void {
    let isHeld = true;
    this.holds++;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.holds--;
    };
  }

  get isHeld(): boolean {
    return this.holds > 0;
  }

  /** Errors: `cancelled`. */
  checkOpen(): void {
    if (this.isClosed) throw new CitadelError('cancelled', 'the store is closing');
  }

  setPolicies(policies: readonly StorePolicy[]): void {
    this.policies.clear();
    for (const policy of policies) this.policies.set(`${policy.dbId}/${policy.rpId}`, policy);
  }

  policy(dbId: string, rpId: string): StorePolicy | undefined {
    return this.policies.get(`${dbId}/${rpId}`);
  }

  partitionDuration(dbId: string, rpId: string): bigint {
    return this.policy(dbId, rpId)?.shardGroupDurationNs ?? defaultDurationNs;
  }

  database(dbId: string): DatabaseIndex {
    let index = this.databases.get(dbId);
    if (index === undefined) {
      index = new DatabaseIndex(dbId, this.options.sieve);
      this.databases.set(dbId, index);
    }
    return index;
  }

  partitionSet(dbId: string, rpId: string): PartitionSet {
    const key = `${dbId}/${rpId}`;
    let set = this.partitions.get(key);
    if (set === undefined) {
      set = new PartitionSet(dbId, rpId);
      this.partitions.set(key, set);
    }
    return set;
  }

  /** The sets of one policy, or of all policies of the database. */
  partitionSets(dbId: string, rpId: string | undefined): PartitionSet[] {
    return [...this.partitions.values()].filter(
      (set) => set.dbId === dbId && (rpId === undefined || set.rpId === rpId),
    );
  }

  *files(): Generator<PartitionFile> {
    for (const set of this.partitions.values()) yield* set.files;
  }

  isDropped(dbId: string, rpId: string): boolean {
    return this.dropped.has(dbId) || this.dropped.has(`${dbId}/${rpId}`);
  }

  tombstonesOf(dbId: string): readonly Tombstone[] {
    return this.tombstones.get(dbId) ?? [];
  }

  get memtables(): readonly Memtable[] {
    return [...this.frozen, this.active];
  }

  /** Lets go of directories that were not used for longest, down to a budget; the next use reads them again. */
  trimDirectories(): void {
    const loaded = [...this.files()].filter((file) => file.directory !== undefined);
    let bytes = 0;
    for (const file of loaded) bytes += file.directory!.memoryBytes;
    loaded.sort((a, b) => a.lastUse - b.lastUse);
    for (const file of loaded.slice(0, -1)) {
      if (bytes <= directoryBytesMax) return;
      if (file.pins > 0 || !file.exists) continue;
      bytes -= file.directory!.memoryBytes;
      file.directory = undefined;
    }
  }

  get diskBytes(): number {
    const { readers } = this.options;
    let sum = readers.size(this.catalog.path);
    for (const file of this.files()) sum += readers.size(file.path);
    return sum;
  }

  /** The file that they name has been replaced. */
  forgetFaults(path: string): void {
    const others = this.faults.filter((fault) => !fault.includes(path));
    this.faults.splice(0, this.faults.length, ...others);
  }

  /** Says it once. */
  addFault(fault: string): void {
    if (this.faults.includes(fault) || this.faults.length >= faultsMax) return;
    this.faults.push(fault);
    const { log } = this.options.env;
    log.error('damaged store', { shard: this.options.shard, fault });
  }
}

/** What the catalog says of a file. */
export function recordOf(file: PartitionFile): FileRecord {
  const { meta } = file;
  return {
    fileId: meta.fileId,
    dbId: meta.dbId,
    rpId: meta.rpId,
    path: file.path,
    start: meta.start,
    end: meta.end,
    lsn: meta.lsn,
    generation: meta.generation,
    quarantine: file.quarantine ?? '',
    leaving: file.doomed,
  };
}
