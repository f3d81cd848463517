/**
 * The local copy of the catalog, kept current by one prefix watch.
 *
 * `view` is replaced whole when databases change; the field types of a measurement are an immutable
 * map that is replaced when one is added, so a new field costs nothing for the others.
 */

import type { TimerHandle, Timers } from '../env/env.ts';
import type { FieldType } from '../model/field-type.ts';
import { readDatabase, readFields } from './catalog-records.ts';
import type { CatalogView, Database, RetentionPolicy } from './catalog-view.ts';
import { LocalAdmin } from './local-admin.ts';
import { catalogPrefix, databasesPrefix, fieldsPrefix } from './meta-keys.ts';
import {
  compareHolds,
  type MetaChange,
  type MetaCompare,
  type MetaOp,
  type MetaRecord,
  type MetaStore,
  type MetaWatch,
} from './meta-store.ts';

type Fields = ReadonlyMap<string, FieldType>;

interface KnownDatabase {
  readonly record: MetaRecord;
  readonly database: Database;
}

class View implements CatalogView {
  readonly databases: readonly Database[];
  readonly #byName: ReadonlyMap<string, Database>;
  readonly #fields: ReadonlyMap<string, ReadonlyMap<string, Fields>>;

  constructor(
    databases: readonly Database[],
    fields: ReadonlyMap<string, ReadonlyMap<string, Fields>>,
  ) {
    this.databases = databases;
    this.#byName = new Map(databases.map((db) => [db.name, db]));
    this.#fields = fields;
  }

  database(name: string): Database | undefined {
    return this.#byName.get(name);
  }

  policy(db: Database, name: string): RetentionPolicy | undefined {
    return db.policies.find((policy) => policy.name === name);
  }

  fieldType(dbId: string, measurement: string, field: string): FieldType | undefined {
    return this.#fields.get(dbId)?.get(measurement)?.get(field);
  }

  fields(dbId: string, measurement: string): Fields | undefined {
    return this.#fields.get(dbId)?.get(measurement);
  }
}

/** A change of our own is told by the watch within so long, or everything is read anew. */
const noticePatienceMs = 3_000;
/** After reading everything has failed. */
const reloadMs = 2_000;

interface Waiter {
  readonly isDone: () => boolean;
  readonly resolve: () => void;
}

/** `fields/<dbId>/<measurement>` */
function databaseIdOf(key: string): string {
  return key.slice(fieldsPrefix.length, key.indexOf('/', fieldsPrefix.length));
}

export interface CatalogListener {
  /** Databases or policies are no longer what they were. */
  databasesChanged(): void;
  /** Users, grants, continuous queries or subscriptions are no longer what they were. */
  adminChanged?(): void;
  /** A record could not be read; the copy keeps what it had. */
  failed(error: unknown): void;
}

export class LocalCatalog {
  readonly #store: MetaStore;
  readonly #timers: Pick<Timers, 'after'>;
  readonly #listener: CatalogListener;
  readonly #databases = new Map<string, KnownDatabase>();
  readonly #fields = new Map<string, Map<string, Fields>>();
  /** Key of a field record -> the record, for guards and for deletes. */
  readonly #fieldRecords = new Map<string, MetaRecord & { readonly measurement: string }>();
  readonly admin = new LocalAdmin();
  readonly #waiters = new Set<Waiter>();
  /** Prefix -> the look under way. */
  readonly #looks = new Map<string, Promise<void>>();
  #view: CatalogView = new View([], this.#fields);
  #revision = 0;
  #adminChanged = false;
  #watch: MetaWatch | undefined;
  #reloading: TimerHandle | undefined;
  #closed = false;

  constructor(store: MetaStore, timers: Pick<Timers, 'after'>, listener: CatalogListener) {
    this.#store = store;
    this.#timers = timers;
    this.#listener = listener;
  }

  get view(): CatalogView {
    return this.#view;
  }

  database(key: string): KnownDatabase | undefined {
    return this.#databases.get(key);
  }

  /** The record behind a key, for the guard of a change. Of field records the value is not kept. */
  record(key: string): MetaRecord | undefined {
    return (
      this.#fieldRecords.get(key) ?? this.#databases.get(key)?.record ?? this.admin.record(key)
    );
  }

  /**
   * Makes one guarded change of the catalog and waits until the copy shows it, or, when a guard
   * failed, what made it fail. Resolves with whether the change was made.
   */
  async tryChange(compare: readonly MetaCompare[], onSuccess: readonly MetaOp[]): Promise<boolean> {
    const { succeeded, revision } = await this.#store.transaction({ compare, onSuccess });
    await this.#waitUntil(() => {
      if (succeeded) return this.#revision >= revision;
      return !compare.every((guard) => compareHolds(guard, this.record(guard.key)));
    });
    return succeeded;
  }

  /**
   * Looks at the store, linearizably, for records that the watch has not brought yet: another node may have
   * made them a moment ago. Who asks for the same at the same time shares the look.
   */
  catchUp(prefix: string): Promise<void> {
    const running = this.#looks.get(prefix);
    if (running !== undefined) return running;
    const look = this.#look(prefix).finally(() => this.#looks.delete(prefix));
    this.#looks.set(prefix, look);
    return look;
  }

  /** The same, by a look that begins now. */
  refresh(prefix: string): Promise<void> {
    return this.#look(prefix);
  }

  async #look(prefix: string): Promise<void> {
    const { revision, records } = await this.#store.range(prefix);
    // What the watch has brought by now is newer, and may have removed what was read.
    if (this.#closed || revision <= this.#revision) return;
    let databasesChanged = false;
    for (const record of records) {
      databasesChanged =
        this.#apply({ kind: 'put', record }, record.modRevision) || databasesChanged;
    }
    this.#tellAdmin();
    if (!databasesChanged) return;
    this.#replaceView();
    this.#listener.databasesChanged();
  }

  /** Reads everything and follows from there. Again after the history was compacted. */
  async load(): Promise<void> {
    const { revision, records } = await this.#store.range(catalogPrefix);
    if (this.#closed) return;
    this.#databases.clear();
    this.#fields.clear();
    this.#fieldRecords.clear();
    this.admin.clear();
    for (const record of records) this.#apply({ kind: 'put', record }, record.modRevision);
    this.#watch?.close();
    this.#watch = this.#store.watch(catalogPrefix, revision + 1, (notice) => {
      if (notice.kind === 'changes') this.#follow(notice.revision, notice.changes);
      else this.#reload();
    });
    this.#replaceView();
    this.#advance(revision);
    this.#tellAdmin();
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
    this.#reloading?.cancel();
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  #follow(revision: number, changes: readonly MetaChange[]): void {
    let databasesChanged = false;
    for (const change of changes) {
      databasesChanged = this.#apply(change, revision) || databasesChanged;
    }
    if (databasesChanged) this.#replaceView();
    this.#advance(revision);
    if (databasesChanged) this.#listener.databasesChanged();
    this.#tellAdmin();
  }

  #tellAdmin(): void {
    if (!this.#adminChanged) return;
    this.#adminChanged = false;
    this.#listener.adminChanged?.();
  }

  /** Until it succeeds: what was known stays as long as the store is away. */
  #reload(): void {
    if (this.#closed) return;
    this.load().then(
      () => this.#listener.databasesChanged(),
      (error: unknown) => {
        this.#listener.failed(error);
        this.#reloading = this.#timers.after(reloadMs, () => this.#reload());
      },
    );
  }

  /** @throws CitadelError `unavailable` when neither the watch nor the store tells */
  async #waitUntil(isDone: () => boolean): Promise<void> {
    if (this.#closed || isDone()) return;
    const isLate = await new Promise<boolean>((resolve) => {
      const settle = (late: boolean) => {
        timer.cancel();
        this.#waiters.delete(waiter);
        resolve(late);
      };
      const waiter = { isDone, resolve: () => settle(false) };
      const timer = this.#timers.after(noticePatienceMs, () => settle(true));
      this.#waiters.add(waiter);
    });
    if (!isLate) return;
    await this.load();
    this.#listener.databasesChanged();
  }

  #advance(revision: number): void {
    this.#revision = revision;
    for (const waiter of [...this.#waiters]) if (waiter.isDone()) waiter.resolve();
  }

  #replaceView(): void {
    const known = [...this.#databases.values()];
    known.sort((a, b) => a.record.createRevision - b.record.createRevision);
    this.#view = new View(
      known.map(({ database }) => database),
      this.#fields,
    );
  }

  /** A change of a revision, unless a later one of its key is here. Whether a database changed. */
  #apply(change: MetaChange, revision: number): boolean {
    const key = change.kind === 'put' ? change.record.key : change.key;
    const known = this.record(key);
    if (known !== undefined && known.modRevision >= revision) return false;
    try {
      if (key.startsWith(fieldsPrefix)) {
        this.#applyFields(key, change.kind === 'put' ? change.record : undefined);
        return false;
      }
      if (this.admin.apply(change)) {
        this.#adminChanged = true;
        return false;
      }
      if (!key.startsWith(databasesPrefix)) return false;
      if (change.kind === 'delete') return this.#databases.delete(key);
      const database = readDatabase(change.record);
      this.#databases.set(key, { record: change.record, database });
      return true;
    } catch (error) {
      this.#listener.failed(error);
      return false;
    }
  }

  #applyFields(key: string, record: MetaRecord | undefined): void {
    const dbId = databaseIdOf(key);
    const measurements = this.#fields.get(dbId);
    if (record === undefined) {
      const gone = this.#fieldRecords.get(key);
      this.#fieldRecords.delete(key);
      if (gone === undefined || measurements === undefined) return;
      measurements.delete(gone.measurement);
      if (measurements.size === 0) this.#fields.delete(dbId);
      return;
    }
    const { measurement, fields } = readFields(record);
    this.#fieldRecords.set(key, { ...record, value: '', measurement });
    if (measurements === undefined) this.#fields.set(dbId, new Map([[measurement, fields]]));
    else measurements.set(measurement, fields);
  }
}
