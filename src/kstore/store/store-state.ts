/**
 * Everything one store holds, shared by the parts that work on it. One thread owns it; what waits keeps
 * nothing across the wait that another part may change.
 */

import { CitadelError } from '../../base/errors.ts';
import { FrameSlabs } from '../../model/frame-slab.ts';
import type { KStoreOptions } from '../contract.ts';
import { fileName, type KvFile } from '../file/kv-file.ts';
import { OriginBytes } from '../file/row-layout.ts';
import { Memtable } from '../memtable/memtable.ts';
import { TableNames } from './table-names.ts';

const faultsMax = 1000;

export class StoreState {
  readonly options: KStoreOptions;
  readonly tables = new TableNames();
  readonly slabs = new FrameSlabs();
  readonly origins = new OriginBytes();
  /** Takes new frames. */
  active: Memtable;
  /** Being flushed, the oldest first; more than one only after a flush failed. */
  frozen: readonly Memtable[] = [];
  /** Takes new rows. */
  file: KvFile;
  /** Set aside as damaged, still read. */
  older: readonly KvFile[];
  /** `file` was found damaged: the next write starts another. */
  isDamaged = false;
  readonly faults: string[] = [];
  isClosed = false;
  /** Snapshots and merges under way: no tombstone goes meanwhile. */
  #holds = 0;

  constructor(options: KStoreOptions, file: KvFile, older: readonly KvFile[]) {
    this.options = options;
    this.file = file;
    this.older = older;
    this.active = this.newMemtable();
    this.active.lastLsn = file.meta.replayFrom;
  }

  newMemtable(): Memtable {
    return new Memtable(this.options.hashSeed ?? 0);
  }

  /** The newest first. */
  get files(): readonly KvFile[] {
    return [this.file, ...this.older];
  }

  get memtables(): readonly Memtable[] {
    return [...this.frozen, this.active];
  }

  /** Keeps every tombstone until the returned function is called; calling that again does nothing. */
  hold(): () => void {
    let isHeld = true;
    this.#holds++;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds--;
    };
  }

  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** @throws CitadelError `cancelled` */
  checkOpen(): void {
    if (this.isClosed) throw new CitadelError('cancelled', 'the store is closing');
  }

  pathOf(no: number): string {
    return `${this.options.directory}/${fileName(no)}`;
  }

  get diskBytes(): number {
    let sum = 0;
    for (const { path } of this.files) sum += this.options.readers.size(path);
    return sum;
  }

  /** Says it once. */
  addFault(fault: string): void {
    if (this.faults.includes(fault) || this.faults.length >= faultsMax) return;
    this.faults.push(fault);
    const { env, shard } = this.options;
    env.log.error('damaged store', { shard, fault });
  }

  /** Damage met while reading or writing: it is named once, and the file is written no more. */
  noteDamage(error: unknown): void {
    if (!(error instanceof CitadelError) || error.code !== 'corrupt') return;
    const file = this.files.find(({ path }) => path === error.details.file);
    if (file === undefined) return;
    this.addFault(error.message);
    if (file === this.file) this.isDamaged = true;
  }
}
