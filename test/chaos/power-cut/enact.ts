/**
 * Enacts a power cut on a directory whose process was killed: everything that was not synced is undone,
 * then a seeded random part of it is done again, torn at sectors, as a disk may have written it.
 *
 * Data: within a file any subset of the sectors written since its last sync may be there, in any order; a
 * truncation that did not survive takes what was written after it along. Names: of the changes in a directory since
 * its last sync the first few may be there. A file may so have a name and no content, or the other way round.
 */

import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Rng } from '../../../src/env/env.ts';
import { createSimRng, pickBelow } from '../../../src/env/sim/sim-rng.ts';
import { type DataChange, type NameChange, type Rename, readJournal } from './journal.ts';

const sectorSize = 512;
/** A disk may have written nothing, half or most of what it was given. */
const survivalRates = [0, 0, 0.5, 0.9, 1];

export interface CutReport {
  /** Changes that no sync covered. */
  readonly unsynced: number;
  /** Sectors of them that survived, torn or whole. */
  readonly sectorsKept: number;
  readonly namesUndone: number;
}

export interface PowerCut {
  readonly dataDir: string;
  readonly journalDir: string;
  readonly seed: number;
}

/** Where every file and directory is now. */
function findInodes(...folders: readonly string[]): Map<bigint, string> {
  const paths = new Map<bigint, string>();
  const visit = (path: string): void => {
    const status = lstatSync(path, { bigint: true });
    if (!paths.has(status.ino)) paths.set(status.ino, path);
    if (!status.isDirectory()) return;
    for (const name of readdirSync(path)) visit(join(path, name));
  };
  for (const folder of folders) if (existsSync(folder)) visit(folder);
  return paths;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => bigint): Map<bigint, T[]> {
  const groups = new Map<bigint, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

function writeAll(file: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, offset + done);
  }
}

function undoData(file: number, changes: readonly DataChange[]): void {
  for (const { before, offset, sizeBefore } of changes.toReversed()) {
    if (before.length > 0) writeAll(file, before, offset);
    ftruncateSync(file, sizeBefore);
  }
}

/** Sectors are the disk's: counted from the start of the file, not of the write. */
function redoWrite(file: number, change: DataChange, survives: () => boolean): number {
  const end = change.offset + change.written.length;
  let kept = 0;
  for (let from = change.offset; from < end; ) {
    const until = Math.min(end, (Math.floor(from / sectorSize) + 1) * sectorSize);
    if (survives()) {
      writeAll(file, change.written.subarray(from - change.offset, until - change.offset), from);
      kept += 1;
    }
    from = until;
  }
  return kept;
}

function redoData(file: number, changes: readonly DataChange[], rng: Rng): number {
  const rate = survivalRates[pickBelow(rng, survivalRates.length)]!;
  const survives = () => rng.next() < rate;
  let kept = 0;
  for (const change of changes) {
    if (change.kind === 'write') kept += redoWrite(file, change, survives);
    else if (survives()) ftruncateSync(file, change.offset);
    else break;
  }
  return kept;
}

class Names {
  readonly #cut: PowerCut;
  #paths: Map<bigint, string>;

  constructor(cut: PowerCut) {
    this.#cut = cut;
    this.#paths = this.#find();
  }

  #find(): Map<bigint, string> {
    return findInodes(this.#cut.dataDir, join(this.#cut.journalDir, 'kept'));
  }

  pathOf(inode: bigint): string | undefined {
    return this.#paths.get(inode);
  }

  #kept(inode: bigint): string {
    return join(this.#cut.journalDir, 'kept', String(inode));
  }

  /** Whether the name stands for this; a call that the kill cut off changed nothing. */
  #stands(path: string, inode: bigint): boolean {
    return existsSync(path) && lstatSync(path, { bigint: true }).ino === inode;
  }

  #undoRename(change: Rename, path: string): void {
    const from = this.pathOf(change.fromDirectory);
    if (from === undefined || !this.#stands(path, change.other)) return;
    renameSync(path, join(from, change.from));
    if (change.replaced !== undefined) linkSync(this.#kept(change.replaced), path);
    this.#paths = this.#find();
  }

  undo(change: NameChange | Rename): void {
    const folder = this.pathOf(change.directory);
    if (folder === undefined) return;
    const path = join(folder, change.name);
    if (change.kind === 'rename') this.#undoRename(change, path);
    else if (change.kind === 'remove') {
      if (!existsSync(path)) linkSync(this.#kept(change.other), path);
    } else if (change.kind === 'rmdir') {
      if (!existsSync(path)) renameSync(this.#kept(change.other), path);
      this.#paths = this.#find();
    } else if (this.#stands(path, change.other)) {
      rmSync(path, { recursive: change.kind === 'mkdir' });
    }
  }
}

function dropMapped(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('-shm')) rmSync(join(folder, name));
  }
}

/** Which changes of names are lost: of each directory's all from a random one on; the last first. */
function chooseLost(changes: readonly (NameChange | Rename)[], rng: Rng) {
  const lost: (NameChange | Rename)[] = [];
  for (const group of groupBy(changes, ({ directory }) => directory).values()) {
    lost.push(...group.slice(pickBelow(rng, group.length + 1)));
  }
  return lost.sort((a, b) => b.at - a.at);
}

/** The journal is empty afterwards: what is there now is durable. */
export function enactPowerCut(cut: PowerCut): CutReport {
  const { data, names, durable } = readJournal(cut.journalDir);
  const rng = createSimRng(cut.seed);
  const isLost = (inode: bigint, at: number) => at >= (durable.get(inode) ?? 0);
  const lostData = data.filter(({ inode, at }) => isLost(inode, at));
  const lostNames = names.filter(({ directory, at }) => isLost(directory, at));
  const tree = new Names(cut);
  let sectorsKept = 0;
  for (const [inode, changes] of groupBy(lostData, (change) => change.inode)) {
    const path = tree.pathOf(inode);
    if (path === undefined) throw new Error(`a file of the journal is gone: inode ${inode}`);
    const file = openSync(path, 'r+');
    try {
      undoData(file, changes);
      sectorsKept += redoData(file, changes, rng);
    } finally {
      closeSync(file);
    }
  }
  const undone = chooseLost(lostNames, rng);
  for (const change of undone) tree.undo(change);
  dropMapped(cut.dataDir);
  clearJournal(cut.journalDir);
  const unsynced = lostData.length + lostNames.length;
  return { unsynced, sectorsKept, namesUndone: undone.length };
}

/** As after a sync of everything. The process must not run. */
export function clearJournal(journalDir: string): void {
  rmSync(journalDir, { recursive: true, force: true });
  mkdirSync(journalDir, { recursive: true });
}
