/** One seed from start to verdict. */

import { heal, startAccidents } from './accidents.ts';
import { checkAtEnd, hasSettled } from './final-checks.ts';
import { drawPlan } from './plan.ts';
import type { PlantedBug } from './planted-bugs.ts';
import { SimClient } from './sim-client.ts';
import { SimCluster } from './sim-cluster.ts';
import { World } from './world.ts';

/** Virtual time of trouble, and how long it may take until all replicas are alike again. */
const troubleMs = 18_000;
const settleMs = 60_000;
const settleCheckMs = 250;
const clientCount = 5;
const reportLinesMax = 60;

export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly traceHash: number;
  readonly stats: Readonly<Record<string, number>>;
}

export interface SeedOptions {
  readonly bug?: PlantedBug | undefined;
  readonly isTracing?: boolean;
}

export function runSeed(seed: number, options: SeedOptions = {}): SeedResult {
  const world = new World(seed, options.isTracing ?? false);
  const cluster = new SimCluster(world, drawPlan(world), options.bug);
  try {
    for (let i = 0; i < clientCount; i++) new SimClient(cluster, `c${i}`, troubleMs);
    startAccidents(cluster, troubleMs);
    world.run(troubleMs);
    heal(cluster);
    settle(cluster);
    checkAtEnd(cluster);
  } catch (error) {
    world.violate('crash', error instanceof Error ? (error.stack ?? error.message) : `${error}`);
  }
  const { violations, trace, traceHash, steps } = world;
  const { ops, reads, stats } = cluster;
  const wishes = cluster.controller?.wishes ?? 0;
  const counts = {
    ...stats,
    wishes,
    ops: ops.length,
    reads: reads.length,
    steps,
    endMs: world.now,
  };
  return { seed, violations, trace, traceHash, stats: counts };
}

/** What a failing seed prints: the plan is drawn from the seed alone, so the seed is all that is needed. */
export function describeFailure(result: SeedResult, bug?: PlantedBug): string {
  const { trace } = runSeed(result.seed, { bug, isTracing: true });
  const lines = trace.slice(-reportLinesMax);
  return [`seed ${result.seed}`, ...result.violations.slice(0, 5), ...lines].join('\n');
}

function settle(cluster: SimCluster): void {
  const { world } = cluster;
  const endMs = troubleMs + settleMs;
  // Clients wait for their last answers before the first look.
  world.run(troubleMs + 1_500);
  while (world.now < endMs && !hasSettled(cluster)) world.run(world.now + settleCheckMs);
}
