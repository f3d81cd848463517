/** What a seed will put the cluster through, drawn before it starts. */

import type { World } from './world.ts';

export interface Plan {
  readonly replicaCount: number;
  readonly nodeCount: number;
  /** Clocks are off by up to so much. */
  readonly skewMs: number;
  readonly loss: number;
  /** Some messages are late or come twice. */
  readonly isRough: boolean;
  readonly isHot: boolean;
  readonly partitions: boolean;
  readonly crashes: boolean;
  readonly pauses: boolean;
  readonly registerOutages: boolean;
  /** One disk is wiped. */
  readonly wipe: boolean;
  /** One disk goes back to an earlier state. */
  readonly rollback: boolean;
  readonly clockJumps: boolean;
  readonly pressure: boolean;
  readonly handOvers: boolean;
  readonly appendFailures: boolean;
  readonly slowDisks: boolean;
  /** Messages go through the codec. */
  readonly encodes: boolean;
  readonly isControlled: boolean;
  /** Tombstones are removed. */
  readonly collects: boolean;
  /** One replica moves to another node. */
  readonly moves: boolean;
}

/** Share of seeds with two replicas. */
const pairShare = 0.3;

export function drawPlan(world: World): Plan {
  const isHot = world.chance(0.5);
  const often = (calm: number, hot: number) => world.chance(isHot ? hot : calm);
  const replicaCount = world.chance(pairShare) ? 2 : 3;
  const wipe = often(0.2, 0.25);
  const moves = often(0.2, 0.4);
  return {
    replicaCount,
    nodeCount: moves ? 4 : 3,
    isHot,
    skewMs: world.chance(0.5) ? 20 : 200,
    loss: world.chance(0.5) ? 0 : world.random() * 0.15,
    isRough: true,
    partitions: often(0.8, 1),
    crashes: often(0.8, 0.95),
    pauses: often(0.3, 0.5),
    registerOutages: often(0.25, 0.4),
    wipe,
    rollback: !wipe && often(0.25, 0.3),
    clockJumps: often(0.1, 0.3),
    pressure: often(0.4, 0.6),
    handOvers: often(0.3, 0.4),
    appendFailures: world.chance(0.15),
    slowDisks: world.chance(0.2),
    encodes: world.chance(0.05),
    isControlled: world.chance(0.3),
    collects: world.chance(0.7),
    moves,
  };
}

/** Nothing goes wrong by itself. */
export function calmPlan(replicaCount: number): Plan {
  return {
    replicaCount,
    nodeCount: 3,
    isHot: false,
    skewMs: 0,
    loss: 0,
    isRough: false,
    partitions: false,
    crashes: false,
    pauses: false,
    registerOutages: false,
    wipe: false,
    rollback: false,
    clockJumps: false,
    pressure: false,
    handOvers: false,
    appendFailures: false,
    slowDisks: false,
    encodes: true,
    isControlled: false,
    collects: true,
    moves: false,
  };
}
