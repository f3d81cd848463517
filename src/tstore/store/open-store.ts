/**
 * Opens a store: catalog, series index, files with their positions compared. Files that are not what the
 * catalog says are set aside and named; what was leaving when the process ended leaves now.
 */

import { CitadelError } from '../../base/errors.ts';
import {
  type CatalogFile,
  createCatalog,
  newCatalogPath,
  openCatalog,
} from '../catalog/catalog-file.ts';
import {
  decodeDropRecord,
  decodeFileRecord,
  decodeTombstone,
  type FileRecord,
} from '../catalog/catalog-rows.ts';
import { catalogTables } from '../catalog/catalog-schema.ts';
import { decodeSeriesBlock } from '../catalog/series-block.ts';
import type { TStoreOptions } from '../contract.ts';
import { openPartition, PartitionFile } from '../partition/partition-file.ts';
import { partitionFormat } from '../partition/partition-schema.ts';
import { emptyDigest } from '../partition/row-digest.ts';
import { Pacer } from './pacer.ts';
import { StoreState } from './store-state.ts';

export function catalogPath(directory: string): string {
  return `${directory}/catalog.db`;
}

async function listOrNothing(options: TStoreOptions, path: string): Promise<string[]> {
  try {
    return await options.disk.list(path);
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return [];
    throw error;
  }
}

/** A shard that has data but no catalog has lost it: nothing must be made in its place. */
async function openOrCreateCatalog(options: TStoreOptions): Promise<CatalogFile> {
  const { directory, readers, writer } = options;
  const path = catalogPath(directory);
  const names = await listCatalogs(options);
  const isMade = names.includes('catalog.db') && !isNewCatalog(path, names, options);
  if (isMade) {
    const catalog = openCatalog(path, readers, writer);
    checkIdentity(catalog, options);
    return catalog;
  }
  if (names.includes('0')) {
    throw new CitadelError(
      'corrupt',
      `cannot open ${path}: it is missing, but there are data files`,
    );
  }
  return createCatalog(path, options, readers, writer);
}

/** With the catalog in its place again, if the writing of a new one in place of a damaged one was cut short. */
async function listCatalogs(options: TStoreOptions): Promise<string[]> {
  const { directory, writer } = options;
  const path = catalogPath(directory);
  const made = newCatalogPath(path);
  const names = await listOrNothing(options, directory);
  if (!names.includes(made.slice(directory.length + 1))) return names;
  // Only once it was whole the old one was moved away.
  if (names.includes('catalog.db')) await writer.run({ kind: 'remove', path: made });
  else await writer.run({ kind: 'move', from: made, to: path });
  return listOrNothing(options, directory);
}

/** Made by a start that ended before the first transaction; a shard with files has had more than that. */
function isNewCatalog(path: string, names: readonly string[], { readers }: TStoreOptions): boolean {
  if (names.includes('0') || !readers.reader(path).isUnfilled(['meta', ...catalogTables]))
    return false;
  readers.forget(path);
  return true;
}

function checkIdentity({ path, meta }: CatalogFile, options: TStoreOptions): void {
  if (meta.shard === options.shard && meta.shardCount === options.shardCount) return;
  throw new CitadelError(
    'conflict',
    `cannot open ${path}: it is of shard ${meta.shard} of ${meta.shardCount}, not of ${options.shard} of ${options.shardCount}`,
  );
}

async function loadSeries(state: StoreState, pacer: Pacer): Promise<void> {
  const blocks: { no: number; body: Uint8Array }[] = [];
  await state.catalog.read('series', pacer, (no, body) => blocks.push({ no, body }));
  const decoded = [];
  for (const { no, body } of blocks) {
    decoded.push({ no, block: decodeSeriesBlock(body) });
    if (pacer.isDue) await pacer.breathe();
  }
  // A block that was written anew has a new number but old ids: the index wants ids ascending.
  decoded.sort((a, b) => a.block.ids[0]! - b.block.ids[0]!);
  for (const { no, block } of decoded) {
    const index = state.database(block.dbId);
    for (let i = 0; i < block.ids.length; i++) {
      index.giveId(index.findOrAdd(block.keys[i]!), block.ids[i]!, no);
    }
    if (pacer.isDue) await pacer.breathe();
  }
}

async function loadTombstones(state: StoreState, pacer: Pacer): Promise<void> {
  await state.catalog.read('tombstones', pacer, (_, body) => {
    const tombstone = decodeTombstone(body);
    state.origins.numberOf(tombstone.origin);
    const before = state.tombstonesOf(tombstone.dbId);
    state.tombstones.set(tombstone.dbId, [...before, tombstone]);
  });
}

async function loadDrops(state: StoreState, pacer: Pacer): Promise<void> {
  await state.catalog.read('drops', pacer, (_, body) => {
    const { dbId, rpId } = decodeDropRecord(body);
    const name = rpId === '' ? dbId : `${dbId}/${rpId}`;
    state.dropped.add(name);
    state.droppedSaved.add(name);
  });
}

/** Stands for a file that cannot be read, from what the catalog knows of it. */
function placeholder(state: StoreState, record: FileRecord, exists: boolean): PartitionFile {
  const { shard, shardCount } = state.options;
  return new PartitionFile(
    record.path,
    {
      magic: partitionFormat.magic,
      version: partitionFormat.version,
      flags: 0,
      shard,
      shardCount,
      namespace: 0,
      dbId: record.dbId,
      rpId: record.rpId,
      fileId: record.fileId,
      start: record.start,
      end: record.end,
      lsn: record.lsn,
      generation: record.generation,
      rowNoNext: 1,
      rows: emptyDigest,
      fields: emptyDigest,
      garbage: emptyDigest,
    },
    exists,
  );
}

function unreadable(state: StoreState, record: FileRecord, error: CitadelError): PartitionFile {
  const file = placeholder(state, record, true);
  file.unreadable = error;
  file.quarantine = error.message;
  return file;
}

function rolledBack(record: FileRecord): CitadelError {
  return new CitadelError(
    'corrupt',
    `cannot read ${record.path}: it is older than the catalog says`,
    { details: { file: record.path } },
  );
}

/** The flush that made it has not been recorded, so the log still has all that it was to hold. */
function isNeverFilled({ generation, path }: FileRecord, { readers }: TStoreOptions): boolean {
  if (generation !== 0 || !readers.reader(path).isUnfilled(['meta', 'rows'])) return false;
  readers.forget(path);
  return true;
}

function checkedFile(state: StoreState, record: FileRecord): PartitionFile {
  try {
    if (isNeverFilled(record, state.options)) return placeholder(state, record, false);
    const file = openPartition(record.path, state.options.readers);
    const { meta } = file;
    if (meta.fileId !== record.fileId || meta.shard !== state.options.shard) {
      throw new CitadelError('corrupt', `cannot read ${record.path}: it is another file`);
    }
    if (meta.lsn < record.lsn || meta.generation < record.generation) throw rolledBack(record);
    return file;
  } catch (error) {
    if (!(error instanceof CitadelError)) throw error;
    // Recorded, but the process ended before it was made.
    if (error.code === 'not-found' && record.generation === 0) {
      return placeholder(state, record, false);
    }
    if (error.code === 'unsupported-version') throw error;
    const fault =
      error.code === 'corrupt'
        ? error
        : new CitadelError('corrupt', `cannot read ${record.path}: ${error.message}`, {
            cause: error,
          });
    return unreadable(state, record, fault);
  }
}

async function loadFiles(state: StoreState, pacer: Pacer): Promise<FileRecord[]> {
  const records: FileRecord[] = [];
  await state.catalog.read('files', pacer, (_, body) => records.push(decodeFileRecord(body)));
  const leaving: FileRecord[] = [];
  for (const record of records) {
    if (record.leaving) {
      leaving.push(record);
      continue;
    }
    const file = checkedFile(state, record);
    if (record.quarantine !== '') file.quarantine = record.quarantine;
    if (file.quarantine !== undefined) state.addFault(file.quarantine);
    state.partitionSet(record.dbId, record.rpId).add(file);
    await pacer.breathe();
  }
  return leaving;
}

export interface OpenedState {
  readonly state: StoreState;
  /** Dropped or expired files whose move was cut short. */
  readonly leaving: readonly FileRecord[];
}

/** Errors: `corrupt`, `unsupported-version`, `conflict`, `unavailable`. */
export async function openState(options: TStoreOptions): Promise<OpenedState> {
  try {
    return await readState(options);
  } catch (error) {
    // Whoever opened may want to move the directory away.
    options.readers.forget(catalogPath(options.directory));
    throw error;
  }
}

async function readState(options: TStoreOptions): Promise<OpenedState> {
  const pacer = new Pacer(options.env);
  const state = new StoreState(options, await openOrCreateCatalog(options));
  await loadSeries(state, pacer);
  await loadTombstones(state, pacer);
  await loadDrops(state, pacer);
  const leaving = await loadFiles(state, pacer);
  state.active.lastLsn = state.catalog.meta.replayFrom;
  return { state, leaving };
}
