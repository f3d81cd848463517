/**
 * A backup in a folder: `manifest-<time>.json` names everything that belongs to it; `data/` has the sections of shards,
 * named by their checksums, which manifests share. Format: docs/formats/backup.md.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { PieceReader } from '../../../../src/model/snapshot-pieces.ts';
import { CommandError } from '../command-error.ts';
import { PieceCutter } from './piece-cutter.ts';

export type Kind = 'tstore' | 'kstore';

export interface Section {
  readonly kind: Kind;
  readonly shard: number;
  /** That it came from. */
  readonly node: string;
  /** '' = never the same again. */
  readonly key: string;
  /** Below the folder. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface CatalogEntry {
  readonly key: string;
  readonly value: string;
}

export interface Manifest {
  readonly version: 1;
  readonly release: string;
  readonly clusterUuid: string;
  /** ISO time at which it began: everything acknowledged before is in it. */
  readonly begun: string;
  readonly finished: string;
  readonly shardCount: number;
  readonly catalog: readonly CatalogEntry[];
  readonly sections: readonly Section[];
}

const manifestName = /^manifest-[0-9TZ.-]+\.json$/;

function sumOf(manifest: Manifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}

/** Names, oldest first; none when the folder is not there. */
export async function listManifests(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => manifestName.test(name)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** @throws CommandError when it is damaged or of a later release */
export async function readManifest(folder: string, name: string): Promise<Manifest> {
  const path = join(folder, name);
  let stored: { readonly manifest: Manifest; readonly sha256: string };
  try {
    stored = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${String(error)}`);
  }
  const { manifest, sha256 } = stored;
  if (typeof manifest?.version === 'number' && manifest.version !== 1) {
    throw new CommandError(`cannot read ${path}: it needs a later release`);
  }
  if (manifest === undefined || sumOf(manifest) !== sha256) {
    throw new CommandError(`cannot use ${path}: it is damaged`);
  }
  return manifest;
}

/** The newest. @throws CommandError */
export async function readNewest(folder: string): Promise<{ name: string; manifest: Manifest }> {
  const name = (await listManifests(folder)).at(-1);
  if (name === undefined) throw new CommandError(`no backup in ${folder}`);
  return { name, manifest: await readManifest(folder, name) };
}

/** It gets its name only when it is whole. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<string> {
  const name = `manifest-${manifest.begun.replaceAll(':', '-')}.json`;
  const text = `${JSON.stringify({ manifest, sha256: sumOf(manifest) }, undefined, 1)}\n`;
  const temporary = join(folder, `${name}.part`);
  // Passwords of users are in it, hashed.
  await writeFile(temporary, text, { mode: 0o600, flush: true });
  await rename(temporary, join(folder, name));
  return name;
}

export async function hasFile(folder: string, { file, bytes }: Section): Promise<boolean> {
  try {
    return (await stat(join(folder, file))).size === bytes;
  } catch {
    return false;
  }
}

/** So much may wait in the system's memory: written in one go later it would hold up everybody else on that disk. */
const unsyncedBytesMax = 8 * 1024 * 1024;

/** A file that grows by one piece while the next one is fetched. */
class SectionFile {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #writing: Promise<void> = Promise.resolve();
  #unsynced = 0;
  bytes = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** `piece` is not to change any more. @throws what writing the one before threw */
  async add(piece: Uint8Array): Promise<void> {
    this.#hash.update(piece);
    this.bytes += piece.length;
    await this.#writing;
    this.#writing = this.#write(piece);
    // Seen by whoever waits for it next.
    this.#writing.catch(() => undefined);
  }

  async finish(): Promise<string> {
    await this.#writing;
    await this.#file.sync();
    return this.#hash.digest('hex');
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.close();
  }

  async #write(piece: Uint8Array): Promise<void> {
    await this.#file.writeFile(piece);
    this.#unsynced += piece.length;
    if (this.#unsynced < unsyncedBytesMax) return;
    await this.#file.datasync();
    this.#unsynced = 0;
  }
}

/** Stores a section as it comes. @throws what the pieces throw; CommandError when they are not whole */
export async function storeSection(
  folder: string,
  temporaryName: string,
  parts: AsyncIterable<Uint8Array>,
  onBytes: (count: number) => void,
): Promise<Pick<Section, 'file' | 'bytes' | 'sha256'>> {
  await mkdir(join(folder, 'data'), { recursive: true });
  const temporary = join(folder, 'data', `${temporaryName}.part`);
  const cutter = new PieceCutter();
  const reader = new PieceReader();
  const file = new SectionFile(await open(temporary, 'w', 0o600));
  let sha256: string;
  try {
    for await (const part of parts) {
      for (const piece of cutter.take(part)) {
        reader.take(piece);
        await file.add(piece);
      }
      onBytes(part.length);
    }
    if (!reader.isComplete || !cutter.isEmpty) {
      throw new CommandError('a section of the backup is cut short');
    }
    sha256 = await file.finish();
  } finally {
    await file.close();
  }
  const name = join('data', `${sha256.slice(0, 40)}.snap`);
  await rename(temporary, join(folder, name));
  return { file: name, bytes: file.bytes, sha256 };
}

/** Pieces of a stored section. @throws CommandError when it is not what the manifest says */
export async function* readSection(folder: string, section: Section): AsyncGenerator<Uint8Array> {
  const path = join(folder, section.file);
  const damaged = (what: string) => new CommandError(`cannot use the backup: ${path} ${what}`);
  const hash = createHash('sha256');
  const cutter = new PieceCutter();
  const reader = new PieceReader();
  try {
    for await (const part of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
      hash.update(part as Uint8Array);
      for (const piece of cutter.take(part as Uint8Array)) {
        reader.take(piece);
        yield piece;
      }
    }
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw damaged(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (hash.digest('hex') !== section.sha256) throw damaged('is not what was stored');
  if (!reader.isComplete || !cutter.isEmpty) throw damaged('is cut short');
}
