/**
 * A data node with one replica: the real step function over a thin shell with simulated log, store, disk and links.
 * It does what src/datanode does, in virtual time.
 */

import type { Entry } from '../../src/model/entry.ts';
import type { HybridClock } from '../../src/replication/hybrid-clock.ts';
import { decodeMessage, encodeMessage } from '../../src/replication/message-codec.ts';
import type { PeerBody, ReplicaMessage } from '../../src/replication/peer-message.ts';
import type { ReplicaEffect, ReplicaEvent, Times } from '../../src/replication/replica-events.ts';
import { ReplicaMachine } from '../../src/replication/replica-machine.ts';
import { type Versions, VersionVector } from '../../src/replication/version-vector.ts';
import { cutLog } from './cut-log.ts';
import { describeMessage } from './describe-message.ts';
import { HintBox } from './hint-box.ts';
import { MapFollower } from './map-follower.ts';
import { opIndexOf } from './operations.ts';
import { faultsOf, makeClock } from './planted-bugs.ts';
import type { SimCluster } from './sim-cluster.ts';
import { SimDisk } from './sim-disk.ts';
import { SimLog } from './sim-log.ts';
import { type Sight, SimStore } from './sim-store.ts';
import { fetchSnapshot, type SimSnapshot } from './snapshot-transfer.ts';
import { keepUp } from './upkeep.ts';

type Effect<K extends ReplicaEffect['kind']> = Extract<ReplicaEffect, { kind: K }>;

/** Wall time at virtual time 0. */
const wallStartMs = 1_800_000_000_000;
const tickMs = 50;
const entriesPerMessage = 8;

export interface WriteReply {
  readonly isAcked: boolean;
  readonly effect: Effect<'answer'> | Effect<'refuse'>;
}

/** Planted: what a leaving replica says counts like any other's. */
function asStaying(message: ReplicaMessage): ReplicaMessage {
  const { head, body } = message;
  if (!('standing' in body)) return message;
  const standing = { ...body.standing, isLeaving: false };
  return { head, body: { ...body, standing } };
}

export class SimNode {
  readonly name: string;
  readonly disk = new SimDisk();
  machine: ReplicaMachine | undefined;
  store = new SimStore(new SimDisk().image);
  follower: MapFollower | undefined;
  isUp = false;
  skewMs: number;
  isSlow = false;
  /** A snapshot is on its way here: tombstones stay, for it may hold what they hide. */
  isFetching = false;
  /** Until virtual time; events wait. */
  pausedUntilMs = 0;
  /** What it had when it last proposed a change of the record. */
  versionsProposed: Versions = {};
  readonly #cluster: SimCluster;
  #generation = 0;
  #clock: HybridClock | undefined;
  #log: SimLog | undefined;
  #appliedLsn = 0;
  #request = 0;
  /** When the attempt was sent that is being looked at. */
  #attemptMs: number | undefined;
  #lastEpoch = 0;
  #isCutDue = false;
  readonly #waiting = new Map<number, (reply: WriteReply) => void>();
  /** When clients sent what is waiting. */
  readonly #attempts = new Map<number, number>();
  readonly #reads = new Map<number, (refusal: string | undefined) => void>();
  readonly #hints = new HintBox();
  /** Operations whose tombstones were removed here. */
  readonly collected = new Set<number>();

  constructor(cluster: SimCluster, name: string) {
    this.#cluster = cluster;
    this.name = name;
    this.skewMs = (cluster.world.random() * 2 - 1) * cluster.plan.skewMs;
  }

  get times(): Times {
    const monotonicMs = this.#cluster.world.now;
    return { wallMs: wallStartMs + Math.floor(monotonicMs + this.skewMs), monotonicMs };
  }

  start(): void {
    const { world, bug } = this.#cluster;
    const { disk } = this;
    this.isUp = true;
    const generation = ++this.#generation;
    if (disk.isEmpty) disk.renew();
    const { image } = disk;
    const origin = bug === 'seqreuse' ? `${this.name.slice(1)}`.padStart(16, '0') : world.hex(16);
    const clock = makeClock(bug, disk.reservedTo);
    clock.observe(image.hlcMax);
    this.#clock = clock;
    this.#log = new SimLog(this.#cluster, this);
    this.#isCutDue = false;
    this.isFetching = false;
    this.#appliedLsn = image.replayFrom;
    this.store = new SimStore(image, bug === 'arrival');
    const { gcVersions, promised, record, isEmpty } = disk;
    const { replayFrom: lsn, versions } = image;
    const machine = new ReplicaMachine(
      {
        shard: 0,
        self: this.name,
        origin,
        lsn,
        versions,
        gcVersions,
        promised,
        record,
        isEmpty,
        clock,
        times: this.times,
      },
      faultsOf(bug),
    );
    this.machine = machine;
    this.#lastEpoch = machine.epoch;
    for (const entry of disk.log) {
      machine.replayed(entry, opIndexOf(entry.frame) + 1, world.now);
      if (entry.lsn > lsn) this.#apply(entry);
    }
    world.note(this.name, `start ${origin} ${machine.phase}`);
    const follower = new MapFollower(this.#cluster, this);
    this.follower = follower;
    this.#loop(tickMs, generation, () => {
      follower.tick();
      this.feed({ kind: 'tick' });
    });
    this.#loop(700, generation, () => follower.renewLease());
    this.#loop(1_500, generation, () => follower.poll());
    this.#loop(1_300, generation, () => keepUp(this.#cluster, this));
    if (bug === 'hints') this.#loop(300, generation, () => this.#sendHints());
    this.#cluster.linkChanged(this, true);
  }

  crash(): void {
    if (!this.isUp) return;
    this.#cluster.world.note(this.name, 'crash');
    this.isUp = false;
    this.#generation++;
    this.pausedUntilMs = 0;
    this.machine = undefined;
    this.follower = undefined;
    this.disk.crash(this.#cluster.world);
    this.#waiting.clear();
    this.#attempts.clear();
    this.#reads.clear();
    this.#hints.clear();
    this.#cluster.linkChanged(this, false);
  }

  restart(): void {
    if (!this.isUp) this.start();
  }

  pause(forMs: number): void {
    this.#cluster.world.note(this.name, `pause ${Math.round(forMs)}`);
    this.pausedUntilMs = Math.max(this.pausedUntilMs, this.#cluster.world.now + forMs);
  }

  feed(event: ReplicaEvent): void {
    const { world } = this.#cluster;
    if (!this.isUp || this.machine === undefined) return;
    if (this.pausedUntilMs > world.now) {
      this.later(this.pausedUntilMs - world.now, () => this.feed(event));
      return;
    }
    const effects = this.machine.step(event, this.times);
    this.#attemptMs = event.kind === 'write' ? this.#attempts.get(event.write.request) : undefined;
    for (const effect of effects) this.#perform(effect);
    this.#noteEpoch();
  }

  receive(from: string, message: ReplicaMessage): void {
    if (!this.isUp) return;
    const { bug } = this.#cluster;
    const taken = bug === 'leavingacks' ? asStaying(message) : message;
    this.feed({ kind: 'received', from, message: taken });
    if (bug === 'truncate' && message.body.kind === 'pull-end') this.#cut(from, message.body);
    if (bug === 'hints') this.#hints.answered(from, message);
  }

  write(
    write: Omit<Extract<ReplicaEvent, { kind: 'write' }>['write'], 'request'>,
    reply: (reply: WriteReply) => void,
    sentMs: number,
  ): void {
    const request = ++this.#request;
    this.#waiting.set(request, reply);
    this.#attempts.set(request, sentMs);
    this.feed({ kind: 'write', write: { ...write, request } });
  }

  /** Undefined: refused at once. */
  readNow(
    cell: number,
    level: 'one' | 'primary' | 'quorum',
    marks: readonly { origin: string; sequence: number }[],
  ): Sight | undefined {
    if (!this.isUp || this.machine === undefined) return undefined;
    if (this.pausedUntilMs > this.#cluster.world.now) return undefined;
    // Planted `readone`: any replica that is fresh enough for level one will do.
    const enough = this.#cluster.bug === 'readone' ? 'one' : level;
    if (this.machine.checkRead(enough, marks, this.times) !== undefined) return undefined;
    return this.store.see(cell);
  }

  /** Planted: whoever was asked takes its own word for it. */
  confirmRead(reply: (refusal: string | undefined) => void): void {
    const { bug } = this.#cluster;
    if (bug === 'noconfirm' || bug === 'readone') {
      reply(undefined);
      return;
    }
    const request = ++this.#request;
    this.#reads.set(request, reply);
    this.feed({ kind: 'confirm-read', request });
  }

  #loop(periodMs: number, generation: number, run: () => void): void {
    const { world } = this.#cluster;
    const again = () => {
      if (this.#generation !== generation) return;
      const isPaused = this.pausedUntilMs > world.now;
      if (!isPaused) run();
      const delay = isPaused ? this.pausedUntilMs - world.now + 0.01 : 0;
      world.after(delay + periodMs * world.between(0.8, 1.2), again);
    };
    world.after(periodMs * world.random(), again);
  }

  #apply(entry: Entry): void {
    this.store.apply(entry, this.#cluster.opOf(entry));
    this.#appliedLsn = Math.max(this.#appliedLsn, entry.lsn);
  }

  /** Not when it has crashed meanwhile; later still when it is paused. */
  later(delayMs: number, run: () => void): void {
    const generation = this.#generation;
    const { world } = this.#cluster;
    world.after(delayMs, () => {
      if (this.#generation !== generation) return;
      if (this.pausedUntilMs > world.now) this.later(this.pausedUntilMs - world.now, run);
      else run();
    });
  }

  #perform(effect: ReplicaEffect): void {
    const { world } = this.#cluster;
    switch (effect.kind) {
      case 'append':
        this.#cluster.noteAppend(this, effect.entry, this.#attemptMs);
        this.#log?.append(effect.entry);
        return;
      case 'apply':
        this.#cluster.checkArrival(this, effect.entry);
        this.#apply(effect.entry);
        return;
      case 'answer':
      case 'refuse':
        this.#reply(effect.request, { isAcked: effect.kind === 'answer', effect });
        return;
      case 'reserve':
      case 'extend-reserve':
        this.#extendReserve();
        return;
      case 'send':
        this.#send(effect.to, effect.message);
        return;
      case 'send-entries':
        this.#sendEntries(effect);
        return;
      case 'save-state':
        this.#log?.saveState(effect);
        return;
      case 'propose':
        this.versionsProposed = this.machine!.versions;
        this.follower?.propose(effect);
        return;
      case 'fetch-snapshot':
        fetchSnapshot(this.#cluster, this, effect.from);
        return;
      case 'renew-store':
        this.#renewStore();
        return;
      case 'retire':
        this.follower?.retire();
        return;
      case 'read-confirmed': {
        const reply = this.#reads.get(effect.request);
        this.#reads.delete(effect.request);
        reply?.(effect.refusal);
        return;
      }
      case 'alarm':
        world.note(this.name, `alarm ${effect.event}`);
    }
  }

  #reply(request: number, reply: WriteReply): void {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    this.#attempts.delete(request);
    if (reply.effect.kind === 'answer') this.#cluster.checkAnswer(this, reply.effect);
    waiting?.(reply);
  }

  #extendReserve(): void {
    const { world } = this.#cluster;
    this.later(world.between(0.5, 4), () => {
      const clock = this.#clock!;
      const to = clock.wantedReservation(this.times.wallMs);
      if (to !== undefined) {
        this.disk.reservedTo = Math.max(this.disk.reservedTo, to);
        clock.reserved(to);
      }
    });
  }

  #send(to: string, message: ReplicaMessage): void {
    const { bug, network, world } = this.#cluster;
    const isFilling = this.machine?.phase === 'empty';
    if (bug === 'hints' && !this.#hints.takes(to, message, isFilling)) return;
    const sent = this.#cluster.plan.encodes ? decodeMessage(encodeMessage(message)) : message;
    if (world.isTracing) world.note(this.name, `-> ${to} ${describeMessage(sent)}`);
    network.send(this.name, to, () => this.#cluster.node(to)?.receive(this.name, sent));
  }

  #sendHints(): void {
    const { network } = this.#cluster;
    const { wallMs } = this.times;
    const head = { hlc: this.#clock!.last, wallMs, recordVersion: 0, record: undefined };
    this.#hints.sendAgain((to, entry) => {
      const message: ReplicaMessage = { head, body: { kind: 'push', entry } };
      network.send(this.name, to, () => this.#cluster.node(to)?.receive(this.name, message));
    });
  }

  #sendEntries({ to, ranges, last }: Effect<'send-entries'>): void {
    const found = this.#log!.read(ranges);
    for (let i = 0; i < found.length; i += entriesPerMessage) {
      const entries = found.slice(i, i + entriesPerMessage);
      this.#cluster.stats.pulledEntries += entries.length;
      this.#send(to, { head: last.head, body: { kind: 'entries', entries } });
    }
    this.#send(to, last);
  }

  /** Merged and made durable in one; a crash may come before the replica hears of it. */
  mergeSnapshot(from: string, snapshot: SimSnapshot): void {
    const { bug, stats, world } = this.#cluster;
    const machine = this.machine!;
    // The store may hold what was deleted, and collected as garbage, without it: stores refuse that.
    const isSafe = new VersionVector(machine.versions).coversAll(snapshot.gcVersions);
    if (!isSafe && machine.phase !== 'empty') {
      this.isFetching = false;
      this.feed({ kind: 'snapshot-failed', from });
      return;
    }
    stats.snapshots++;
    world.note(this.name, `snapshot from ${from}`);
    if (bug === 'snapreplace') this.store = new SimStore(snapshot);
    else this.store.merge(snapshot);
    const versions = new VersionVector(machine.versions);
    versions.joinAll(snapshot.versions);
    this.#clock!.observe(snapshot.hlcMax);
    this.saveImage(versions.toRecord());
    this.disk.noteCollected(snapshot.gcVersions);
    this.isFetching = false;
    const { gcVersions, hlcMax } = snapshot;
    if (world.chance(0.02)) {
      this.crash();
      world.after(300, () => this.restart());
    } else {
      const { versions: counted } = snapshot;
      this.feed({ kind: 'snapshot-merged', from, versions: counted, gcVersions, hlcMax });
    }
  }

  #renewStore(): void {
    this.#cluster.stats.rebuilds++;
    this.later(this.#cluster.world.between(1, 20), () => {
      this.disk.renew();
      this.store = new SimStore(this.disk.image);
      this.#appliedLsn = 0;
      this.feed({ kind: 'store-renewed', origin: this.#cluster.world.hex(16), lsn: 0 });
    });
  }

  /** Everything applied is durable. */
  saveImage(versions: Versions): void {
    const cells = new Map(this.store.cells);
    const tombstones = [...this.store.tombstones];
    const hlcMax = this.#clock!.last;
    this.disk.image = { cells, tombstones, versions, hlcMax, replayFrom: this.#appliedLsn };
  }

  #noteEpoch(): void {
    const epoch = this.machine?.epoch ?? 0;
    if (epoch > this.#lastEpoch) {
      this.#lastEpoch = epoch;
      this.#isCutDue = this.machine?.isPrimary === false;
    }
  }

  /** Planted `truncate`: what the new primary lacks is cut off here. */
  #cut(from: string, { standing }: Extract<PeerBody, { kind: 'pull-end' }>): void {
    const { disk, machine } = this;
    if (!this.#isCutDue || this.#cluster.register.record.primary !== from || !machine) return;
    this.#isCutDue = false;
    const cut = cutLog(disk, this.store, standing.versions, machine.versions);
    if (cut === undefined) return;
    this.saveImage(cut);
    this.crash();
    this.start();
  }
}
