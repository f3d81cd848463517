/**
 * A disk in memory that loses power as real ones do: bytes that were not synced may vanish, be torn, be
 * kept in part with holes; names whose directory was not synced may vanish or come back.
 *
 * Faults are planted by the test: a full disk, a sync or an append that fails, a flipped bit.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Disk, DiskFile, Rng, Timers } from '../env.ts';
import { pickBelow } from './sim-rng.ts';

const sectorSize = 512;
/** One operation takes up to so long, virtual. */
const latencyMsMax = 4;

interface Inode {
  bytes: Uint8Array;
  /** Bytes up to here survive a power cut. */
  durableSize: number;
  /** What a failed sync dropped from the cache: later syncs say nothing about it, and it is not there. */
  readonly dropped: { readonly from: number; readonly to: number }[];
}

export interface SimDiskFaults {
  /** Bytes over all files; appends beyond it fail with `disk-full`, after part of them was written. */
  capacity: number;
  /** So many coming syncs fail. As on Linux the bytes are then dropped, and the next sync succeeds. */
  failSyncs: number;
  failAppends: number;
}

function missing(path: string): CitadelError {
  return new CitadelError('not-found', `cannot open ${path}: no such file`, { details: { path } });
}

function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at === -1 ? '.' : path.slice(0, at);
}

export class SimDisk implements Disk {
  readonly root = '/sim';
  readonly faults: SimDiskFaults = {
    capacity: Number.MAX_SAFE_INTEGER,
    failSyncs: 0,
    failAppends: 0,
  };
  readonly #rng: Rng;
  readonly #timers: Timers;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  readonly #directories = new Set<string>(['.']);
  /** Handles of before a crash are dead. */
  #life = 0;

  constructor(rng: Rng, timers: Timers) {
    this.#rng = rng;
    this.#timers = timers;
  }

  /** Power cut: what was not synced is at the mercy of the seed. */
  crash(): void {
    this.#life++;
    const names = new Map(this.#durableNames);
    for (const [name, inode] of this.#names) if (pickBelow(this.#rng, 2)) names.set(name, inode);
    for (const name of this.#durableNames.keys()) {
      if (!this.#names.has(name) && pickBelow(this.#rng, 2)) names.delete(name);
    }
    for (const inode of new Set(names.values())) this.#tear(inode);
    this.#names = names;
    this.#durableNames = new Map(names);
  }

  /** kill -9: the page cache stays, nothing is torn. */
  kill(): void {
    this.#life++;
  }

  /** The disk as the process of this life sees it: once that is gone its calls do nothing and never return. */
  forProcess(): Disk {
    const life = this.#life;
    const call = <T>(work: () => Promise<T>): Promise<T> =>
      life === this.#life ? work() : new Promise<never>(() => undefined);
    return {
      root: this.root,
      open: (path, mode) => call(() => this.open(path, mode)),
      readAll: (path) => call(() => this.readAll(path)),
      writeAtomic: (path, bytes) => call(() => this.writeAtomic(path, bytes)),
      list: (path) => call(() => this.list(path)),
      makeDirectory: (path) => call(() => this.makeDirectory(path)),
      rename: (from, to) => call(() => this.rename(from, to)),
      remove: (path) => call(() => this.remove(path)),
      syncDirectory: (path) => call(() => this.syncDirectory(path)),
      freeBytes: () => call(() => this.freeBytes()),
    };
  }

  /** Damage at rest. */
  flip(path: string, offset: number, mask = 1): void {
    const inode = this.#find(path);
    inode.bytes[offset]! ^= mask;
  }

  usedBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#names.values()) sum += bytes.length;
    return sum;
  }

  async open(path: string, mode: 'create' | 'append' | 'read'): Promise<DiskFile> {
    await this.#wait();
    if (mode !== 'create') return this.#toFile(path, this.#find(path));
    if (this.#names.has(path)) {
      throw new CitadelError('already-exists', `cannot create ${path}: it exists`);
    }
    if (!this.#directories.has(parentOf(path))) throw missing(path);
    const inode: Inode = { bytes: new Uint8Array(0), durableSize: 0, dropped: [] };
    this.#names.set(path, inode);
    await this.syncDirectory(parentOf(path));
    return this.#toFile(path, inode);
  }

  async readAll(path: string): Promise<Uint8Array> {
    await this.#wait();
    return this.#find(path).bytes.slice();
  }

  async writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${path}.tmp`;
    this.#names.delete(temporary);
    const file = await this.open(temporary, 'create');
    await file.append([bytes]);
    await file.datasync();
    await this.rename(temporary, path);
  }

  async list(path: string): Promise<string[]> {
    await this.#wait();
    if (!this.#directories.has(path)) throw missing(path);
    const prefix = path === '.' ? '' : `${path}/`;
    const below = [...this.#names.keys(), ...this.#directories].filter(
      (name) => name !== '.' && name.startsWith(prefix),
    );
    const first = below.map((name) => name.slice(prefix.length).split('/')[0]!);
    return [...new Set(first)].filter((name) => name !== '').sort();
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#wait();
    for (let at = path; at !== '.'; at = parentOf(at)) this.#directories.add(at);
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#find(from);
    this.#names.set(to, inode);
    this.#names.delete(from);
    await this.syncDirectory(parentOf(to));
  }

  async remove(path: string): Promise<void> {
    this.#find(path);
    this.#names.delete(path);
    await this.syncDirectory(parentOf(path));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#wait();
    for (const [name, inode] of this.#names) {
      if (parentOf(name) === path) this.#durableNames.set(name, inode);
    }
    for (const name of this.#durableNames.keys()) {
      if (parentOf(name) === path && !this.#names.has(name)) this.#durableNames.delete(name);
    }
  }

  async freeBytes(): Promise<number> {
    return Math.max(0, this.faults.capacity - this.usedBytes());
  }

  #find(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw missing(path);
    return inode;
  }

  async #wait(): Promise<void> {
    const life = this.#life;
    await this.#timers.sleep(this.#rng.next() * latencyMsMax);
    // The process that asked is gone: it never hears the answer.
    if (life !== this.#life) await new Promise<never>(() => undefined);
  }

  #toFile(path: string, inode: Inode): DiskFile {
    const life = this.#life;
    const check = () => {
      if (life !== this.#life)
        throw new CitadelError('unavailable', `${path} was open in another life`);
    };
    return {
      path,
      append: async (parts) => {
        check();
        this.#append(path, inode, parts);
        await this.#wait();
      },
      datasync: async () => {
        check();
        const size = inode.bytes.length;
        await this.#wait();
        if (this.faults.failSyncs > 0) {
          this.faults.failSyncs--;
          inode.dropped.push({ from: inode.durableSize, to: size });
          throw new CitadelError('unavailable', `cannot sync ${path}: input/output error`);
        }
        inode.durableSize = Math.max(inode.durableSize, Math.min(size, inode.bytes.length));
      },
      read: async (offset, size) => inode.bytes.slice(offset, offset + size),
      size: async () => inode.bytes.length,
      truncate: async (size) => {
        check();
        inode.bytes = inode.bytes.slice(0, size);
        inode.durableSize = Math.min(inode.durableSize, size);
      },
      close: async () => undefined,
    };
  }

  #append(path: string, inode: Inode, parts: readonly Uint8Array[]): void {
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    const free = this.faults.capacity - this.usedBytes();
    const fails = this.faults.failAppends > 0;
    const room = fails ? pickBelow(this.#rng, size + 1) : Math.min(size, Math.max(0, free));
    const grown = new Uint8Array(inode.bytes.length + size);
    grown.set(inode.bytes);
    let at = inode.bytes.length;
    for (const part of parts) {
      grown.set(part, at);
      at += part.length;
    }
    inode.bytes = grown.slice(0, inode.bytes.length + room);
    if (fails) {
      this.faults.failAppends--;
      throw new CitadelError('unavailable', `cannot write to ${path}: input/output error`);
    }
    if (room < size) throw new CitadelError('disk-full', `cannot write to ${path}: no space left`);
  }

  /** What a power cut leaves of a file's unsynced end. */
  #tear(inode: Inode): void {
    const { durableSize } = inode;
    const loose = inode.bytes.length - durableSize;
    const bytes = inode.bytes.slice(0, durableSize + pickBelow(this.#rng, loose + 1));
    const holes = pickBelow(this.#rng, 2) === 1;
    for (let at = durableSize; holes && at < bytes.length; at += sectorSize) {
      if (pickBelow(this.#rng, 3) > 0) continue;
      const end = Math.min(at + sectorSize, bytes.length);
      if (pickBelow(this.#rng, 2)) bytes.fill(0, at, end);
      else bytes.set(this.#rng.bytes(end - at), at);
    }
    for (const { from, to } of inode.dropped) bytes.fill(0, from, Math.min(to, bytes.length));
    inode.bytes = bytes;
    inode.durableSize = bytes.length;
  }
}
