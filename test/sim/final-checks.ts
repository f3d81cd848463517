/** What must hold when everything works again and has settled: I1 to I5, I14, and quorum reads in order of real time. */

import { covers, type Op, type ReadOp } from './operations.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimNode } from './sim-node.ts';
import { isNewer, type Stamp } from './sim-store.ts';

/** Stamps of different nodes are in order of real time when they lie so far apart. */
const clockSlackMs = 1_000;

export function membersOf(cluster: SimCluster): SimNode[] {
  return cluster.register.record.replicas.map((name) => cluster.node(name)!);
}

/** All members have the same entries and answer alike. */
export function hasSettled(cluster: SimCluster): boolean {
  const members = membersOf(cluster);
  if (!haveSameEntries(members)) return false;
  return new Set(members.map(({ store }) => store.digest())).size === 1;
}

function haveSameEntries(members: readonly SimNode[]): boolean {
  const versions = new Set<string>();
  for (const { machine } of members) {
    if (machine?.phase !== 'active' || machine.pendingCount > 0) return false;
    versions.add(JSON.stringify(Object.entries(machine.versions).sort()));
  }
  return versions.size === 1;
}

export function checkAtEnd(cluster: SimCluster): void {
  const members = membersOf(cluster);
  if (!hasSettled(cluster) && !isLeftByAccident(cluster, members)) {
    reportUnsettled(cluster, members);
  }
  for (const member of members) {
    checkAcknowledged(cluster, member);
    checkValues(cluster, member);
  }
  checkOrder(cluster);
  checkReads(cluster);
}

/**
 * A snapshot may hold a row that its versions do not count yet. If the disk that had the entry is lost right then,
 * the row stays where the snapshot went, and nobody has the entry to pass on: for anti-entropy to find.
 */
function isLeftByAccident(cluster: SimCluster, members: readonly SimNode[]): boolean {
  const { accident, ops } = cluster;
  if (accident === undefined || !haveSameEntries(members)) return false;
  const cells = new Set(members.flatMap(({ store }) => [...store.cells.keys()]));
  for (const cell of cells) {
    const seen = new Set(members.map(({ store }) => store.see(cell).op));
    if (seen.size === 1) continue;
    for (const index of seen) {
      const op = index === undefined ? undefined : ops[index];
      if (op !== undefined && !isOnLostDiskOnly(op, accident.node)) return false;
    }
  }
  return true;
}

function isOnLostDiskOnly({ copies, acceptors }: Op, node: string): boolean {
  return acceptors.has(node) && copies.every((copy) => copy === node);
}

function reportUnsettled(cluster: SimCluster, members: readonly SimNode[]): void {
  const states = members.map(({ name, machine, store }) => {
    const { phase, pendingCount, lag } = machine ?? {};
    return `${name} ${phase} pending ${pendingCount} lag ${lag} cells ${store.cells.size}`;
  });
  cluster.world.violate('I3', `not alike after the heal: ${states.join('; ')}`);
}

/** All its copies were on the disk that was lost. */
function isExcused(cluster: SimCluster, op: Op): boolean {
  const { accident } = cluster;
  if (accident === undefined) return false;
  return op.copies.every((node) => node === accident.node);
}

/** I1, I4: every acknowledged operation is in effect, unless something newer is. */
function checkAcknowledged(cluster: SimCluster, member: SimNode): void {
  const { world, ops } = cluster;
  for (const op of ops) {
    const { stamp } = op;
    if (op.ackedMs === undefined || stamp === undefined || isExcused(cluster, op)) continue;
    if (op.kind === 'write') {
      const seen = member.store.see(op.cell);
      // A retry may have become a second entry: the same content with another stamp.
      if (seen.op === op.index) continue;
      const decides = seen.stamp ?? cluster.newestDelete(op.cell, world.now);
      if (decides === undefined || isNewer(stamp, decides)) {
        world.violate('I1', `op ${op.index} (${op.level}, by ${op.copies}) lost on ${member.name}`);
        return;
      }
    } else {
      for (let cell = op.low; cell < op.high; cell++) {
        const seen = member.store.see(cell);
        if (seen.op === undefined || seen.stamp === undefined) continue;
        if (!isNewer(stamp, seen.stamp)) continue;
        world.violate('I4', `cell ${cell} came back on ${member.name} after delete ${op.index}`);
        return;
      }
    }
  }
}

/** I2, I14: what is visible was written to that cell, and accepted by somebody. */
function checkValues(cluster: SimCluster, member: SimNode): void {
  const { world, ops } = cluster;
  for (const [cell, { op: index }] of member.store.cells) {
    const op = ops[index];
    const isWritten = op?.kind === 'write' && op.cell === cell && op.acceptors.size > 0;
    if (!isWritten) world.violate('I2', `cell ${cell} holds op ${index} on ${member.name}`);
  }
}

/** I5: of two operations in sequence on one cell the later has the greater stamp. */
function checkOrder(cluster: SimCluster): void {
  const { ops } = cluster;
  const byCell = new Map<number, Op[]>();
  for (const op of ops) {
    if (op.stamp === undefined || isExcused(cluster, op)) continue;
    const cells = op.kind === 'write' ? [op.cell] : range(op.low, op.high);
    for (const cell of cells) byCell.set(cell, [...(byCell.get(cell) ?? []), op]);
  }
  for (const [cell, list] of byCell) {
    for (const later of list) {
      for (const earlier of list) {
        if (!isOrderBroken(cluster, earlier, later)) continue;
        cluster.world.violate('I5', `cell ${cell}: ${earlier.index} beat ${later.index}`);
        return;
      }
    }
  }
}

function isOrderBroken(cluster: SimCluster, earlier: Op, later: Op): boolean {
  if (earlier.ackedMs === undefined || later.stamp === undefined) return false;
  if (earlier.ackedMs >= later.invokedMs || !isNewer(earlier.stamp!, later.stamp)) return false;
  const isSameNode = earlier.acceptor === later.acceptor;
  if (isSameNode) return cluster.accident?.node !== earlier.acceptor;
  if (cluster.hasClockJumped) return false;
  return later.invokedMs - earlier.ackedMs > clockSlackMs;
}

function range(low: number, high: number): number[] {
  return Array.from({ length: high - low }, (_, i) => low + i);
}

/**
 * Quorum reads: the order of stamps is the order of operations, so a history is linearizable when each read sees
 * nothing older than what was acknowledged by a majority, or read so, before it began, and nothing from its future.
 */
function checkReads(cluster: SimCluster): void {
  const { world, ops, reads, accident } = cluster;
  const lostMs = accident?.atMs ?? Number.POSITIVE_INFINITY;
  for (const read of reads) {
    if (read.op !== undefined && !isFromPast(ops[read.op], read)) {
      world.violate('I2', `read of cell ${read.cell} saw op ${read.op}`);
    }
    if (read.level !== 'quorum' || read.endedMs >= lostMs) continue;
    const stamp = read.stamp ?? cluster.newestDelete(read.cell, read.endedMs);
    const missed = ops.find((op) => isMissed(op, read, stamp));
    if (missed !== undefined) {
      world.violate(
        'linearizable',
        `read at ${Math.round(read.invokedMs)} missed op ${missed.index}`,
      );
    }
    const newer = reads.find((other) => isBefore(other, read) && isBehind(stamp, other.stamp));
    if (newer !== undefined) {
      world.violate('linearizable', `read at ${Math.round(read.invokedMs)} went back in time`);
    }
  }
}

function isFromPast(op: Op | undefined, read: ReadOp): boolean {
  return op?.kind === 'write' && op.cell === read.cell && op.invokedMs <= read.endedMs;
}

function isMissed(op: Op, read: ReadOp, stamp: Stamp | undefined): boolean {
  if (op.ackedMs === undefined || op.ackedMs >= read.invokedMs || !covers(op, read.cell))
    return false;
  if (op.levelReached !== 'quorum' && op.levelReached !== 'all') return false;
  return isBehind(stamp, op.stamp);
}

function isBefore(earlier: ReadOp, later: ReadOp): boolean {
  if (earlier.level !== 'quorum' || earlier.cell !== later.cell) return false;
  return earlier.endedMs < later.invokedMs;
}

function isBehind(stamp: Stamp | undefined, other: Stamp | undefined): boolean {
  if (other === undefined) return false;
  return stamp === undefined || isNewer(other, stamp);
}
