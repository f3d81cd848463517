/** What of a simulated replica survives a crash: log, store image, saved state, stamp reservation; with its own accidents. */

import type { ShardRecord } from '../../src/model/cluster.ts';
import type { Entry } from '../../src/model/entry.ts';
import { type Versions, VersionVector } from '../../src/replication/version-vector.ts';
import { emptyImage, type StoreImage } from './sim-store.ts';
import type { World } from './world.ts';

/** Earlier states that a rollback can bring back. */
const historyMax = 40;

interface DiskState {
  readonly log: readonly Entry[];
  readonly image: StoreImage;
  readonly gcVersions: Versions;
  readonly promised: number;
  readonly isEmpty: boolean;
  readonly reservedTo: number;
  readonly record: ShardRecord | undefined;
}

export class SimDisk {
  /** Synced. */
  log: Entry[] = [];
  /** Written and not yet synced. */
  unsynced: Entry[] = [];
  image: StoreImage = emptyImage;
  gcVersions: Versions = {};
  promised = 0;
  isEmpty = true;
  reservedTo = 0;
  /** The last map. */
  record: ShardRecord | undefined;
  #history: DiskState[] = [];

  /** Of what was not synced a part at the front may have reached the disk. */
  crash(world: World): void {
    const kept = world.chance(0.5) ? world.below(this.unsynced.length + 1) : 0;
    this.log.push(...this.unsynced.slice(0, kept));
    this.unsynced = [];
  }

  wipe(): void {
    this.log = [];
    this.unsynced = [];
    this.image = emptyImage;
    this.gcVersions = {};
    this.promised = 0;
    this.isEmpty = true;
    this.reservedTo = 0;
    this.record = undefined;
    this.#history = [];
  }

  /** A replica that was saved as empty begins with a new store and log. */
  renew(): void {
    this.log = [];
    this.unsynced = [];
    this.image = emptyImage;
    this.gcVersions = {};
  }

  noteCollected(versions: Versions): void {
    const joined = new VersionVector(this.gcVersions);
    joined.joinAll(versions);
    this.gcVersions = joined.toRecord();
  }

  remember(): void {
    const { log, image, gcVersions, promised, isEmpty, reservedTo, record } = this;
    const state = { log: [...log], image, gcVersions, promised, isEmpty, reservedTo, record };
    this.#history.push(state);
    if (this.#history.length > historyMax) this.#history.shift();
  }

  /** Synced data is lost in silence: the disk is what it was some time ago. False when it has no past yet. */
  rollBack(world: World): boolean {
    const old = this.#history.filter(({ isEmpty }) => !isEmpty);
    if (old.length === 0) return false;
    const state = old[Math.max(0, old.length - 1 - world.below(6))]!;
    this.log = [...state.log];
    this.unsynced = [];
    this.image = state.image;
    this.gcVersions = state.gcVersions;
    this.promised = state.promised;
    this.isEmpty = state.isEmpty;
    this.reservedTo = state.reservedTo;
    this.record = state.record;
    this.#history = [];
    return true;
  }

  /** Whether a crash now would leave the entry here. */
  hasDurably(origin: string, sequence: number): boolean {
    if (this.isEmpty) return false;
    if ((this.image.versions[origin] ?? 0) >= sequence) return true;
    for (let i = this.log.length - 1; i >= 0; i--) {
      const entry = this.log[i]!;
      if (entry.origin === origin && entry.sequence === sequence) return true;
    }
    return false;
  }
}
