/** A replica's step function with a hand on its clock, for tests of single rules. */

import type { ShardRecord } from '../../../src/model/cluster.ts';
import { HybridClock } from '../../../src/replication/hybrid-clock.ts';
import type { PeerBody, ReplicaMessage, Standing } from '../../../src/replication/peer-message.ts';
import type {
  ReplicaEffect,
  ReplicaEvent,
  ReplicaStart,
  WriteLevel,
} from '../../../src/replication/replica-events.ts';
import { ReplicaMachine } from '../../../src/replication/replica-machine.ts';
import type { Versions } from '../../../src/replication/version-vector.ts';

export const ownOrigin = '00000000000000aa';
export const wallMs = 1_800_000_000_000;

export type Kind = ReplicaEffect['kind'];
export type EffectOf<K extends Kind> = Extract<ReplicaEffect, { kind: K }>;

export function makeRecord(change: Partial<ShardRecord> = {}): ShardRecord {
  return {
    shard: 0,
    epoch: 1,
    primary: 'a',
    replicas: ['a', 'b', 'c'],
    learner: undefined,
    leaving: undefined,
    degraded: false,
    isNew: false,
    version: 1,
    revision: 1,
    ...change,
  };
}

export function makeFrame(checksum: number): Uint8Array {
  const frame = new Uint8Array(16);
  new DataView(frame.buffer).setUint32(8, checksum, true);
  return frame;
}

export function idOf(number: number): Uint8Array {
  const id = new Uint8Array(16);
  id[0] = number;
  return id;
}

export class MachineRig {
  readonly machine: ReplicaMachine;
  nowMs = 1_000;

  constructor(start: Partial<ReplicaStart> = {}) {
    this.machine = new ReplicaMachine({
      shard: 0,
      self: 'a',
      origin: ownOrigin,
      lsn: 0,
      versions: {},
      gcVersions: {},
      promised: 0,
      record: makeRecord(),
      isEmpty: false,
      clock: new HybridClock(0),
      times: this.times,
      ...start,
    });
  }

  get times() {
    return { wallMs: wallMs + this.nowMs, monotonicMs: this.nowMs };
  }

  step(event: ReplicaEvent): ReplicaEffect[] {
    return this.machine.step(event, this.times);
  }

  /** Ticks every 50 ms for so long; all effects. */
  wait(forMs: number): ReplicaEffect[] {
    const effects: ReplicaEffect[] = [];
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; ) {
      this.nowMs += 50;
      effects.push(...this.step({ kind: 'tick' }));
    }
    return effects;
  }

  write(request: number, level: WriteLevel, options: { id?: number; isFallback?: boolean } = {}) {
    const { id = request, isFallback = false } = options;
    const write = {
      request,
      writeId: idOf(id),
      frame: makeFrame(id),
      checksum: id,
      level,
      isFallback,
    };
    return this.step({ kind: 'write', write });
  }

  logged(): ReplicaEffect[] {
    return this.step({ kind: 'logged', lsn: this.machine.lsn });
  }

  receive(from: string, body: PeerBody, head: Partial<ReplicaMessage['head']> = {}) {
    const full = {
      hlc: 0,
      wallMs: this.times.wallMs,
      recordVersion: 1,
      record: undefined,
      ...head,
    };
    return this.step({ kind: 'received', from, message: { head: full, body } });
  }

  /** A peer says what it has. */
  stand(from: string, versions: Versions, change: Partial<Standing> = {}): ReplicaEffect[] {
    return this.receive(from, { kind: 'standing', standing: makeStanding(versions, change) });
  }

  map(record: ShardRecord, live: readonly string[] = record.replicas, isAttached = true) {
    return this.step({ kind: 'map', record, liveNodes: new Set(live), isAttached });
  }
}

export function makeStanding(versions: Versions, change: Partial<Standing> = {}): Standing {
  return {
    versions,
    isPartial: false,
    promised: 1,
    isLeaving: false,
    phase: 'active',
    canAccept: true,
    primarySilentMs: 0,
    ...change,
  };
}

export function only<K extends Kind>(effects: readonly ReplicaEffect[], kind: K): EffectOf<K>[] {
  return effects.filter((effect): effect is EffectOf<K> => effect.kind === kind);
}

/** Bodies of one kind sent to a peer. */
export function sent<K extends PeerBody['kind']>(
  effects: readonly ReplicaEffect[],
  to: string,
  kind: K,
): Extract<PeerBody, { kind: K }>[] {
  return only(effects, 'send')
    .filter((effect) => effect.to === to)
    .map(({ message }) => message.body)
    .filter((body): body is Extract<PeerBody, { kind: K }> => body.kind === kind);
}
