/**
 * Goal: the rule for rows without stamps, the positions that flushes leave and the replay never change what
 * is read, whatever the order of delivery, flushes, compactions, collections and crashes.
 *
 * Method: three origins write and delete cells of one series; entries are delivered in order per origin
 * only. After every step the store's rows are compared with the plain merge of all delivered entries by
 * stamp. The same test must fail when any one condition of the rule is switched off.
 */

import { expect, test } from 'vitest';
import { encodeSeriesKey } from '../../../src/model/series-key.ts';
import type { SqliteWriter } from '../../../src/sqlite/sqlite.ts';
import { fullStampRule, type StampRule } from '../../../src/tstore/flush/stamp-rule.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import {
  deleteFrame,
  openWorld,
  origins,
  pointsFrame,
  rawPlan,
  readRows,
  type World,
} from './store-world.ts';

const timeCount = 12;
const entryCount = 60;
const stepCount = 150;
const name = { measurement: 'm', tags: [] };
const plan = rawPlan('m', [['v', 'integer']]);
const start = 1_600_000_000_000_000_000n;

function random(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Operation {
  readonly kind: 'write' | 'delete';
  readonly hlc: number;
  readonly origin: string;
  /** Times [from, until). */
  readonly from: number;
  readonly until: number;
  readonly value: bigint;
  lsn: number;
}

function makeHistory(next: () => number): Map<string, Operation[]> {
  const queues = new Map<string, Operation[]>(origins.map((origin) => [origin, []]));
  let hlc = 1;
  for (let i = 0; i < entryCount; i++) {
    // Some stamps are equal but for their origin.
    hlc += Math.floor(next() * 3);
    const origin = origins[Math.floor(next() * 3)]!;
    const queue = queues.get(origin)!;
    const last = queue[queue.length - 1];
    if (last !== undefined && last.hlc >= hlc) hlc = last.hlc + 1;
    const kind = next() < 0.12 ? 'delete' : 'write';
    const from = Math.floor(next() * timeCount);
    const length = 1 + Math.floor(next() * (kind === 'delete' ? 4 : 3));
    const until = Math.min(timeCount, from + length);
    queue.push({ kind, hlc, origin, from, until, value: BigInt(i), lsn: 0 });
  }
  return queues;
}

function frameOf(operation: Operation): Uint8Array {
  const { from, until, value } = operation;
  if (operation.kind === 'delete') {
    return deleteFrame({ range: { min: start + BigInt(from), max: start + BigInt(until) - 1n } });
  }
  const times = Array.from({ length: until - from }, (_, i) => start + BigInt(from + i));
  return pointsFrame(
    times.map((time) => ({ name, time, fields: { v: { type: 'integer' as const, value } } })),
  );
}

const isLater = (a: Operation, b: Operation) =>
  a.hlc > b.hlc || (a.hlc === b.hlc && a.origin > b.origin);

/** The merge of everything delivered, straight from the definition. */
function expectedRows(delivered: readonly Operation[]): string[] {
  const rows: string[] = [];
  for (let t = 0; t < timeCount; t++) {
    const here = delivered.filter(({ from, until }) => from <= t && t < until);
    const writes = here.filter(({ kind }) => kind === 'write');
    if (writes.length === 0) continue;
    const best = writes.reduce((a, b) => (isLater(b, a) ? b : a));
    const hidden = here.some((other) => other.kind === 'delete' && isLater(other, best));
    if (!hidden) rows.push(`m ${start + BigInt(t)} ${best.value}i`);
  }
  return rows;
}

/** Lets so many jobs through, then fails every one, as if the process had ended. */
class Guillotine {
  jobsLeft = Number.POSITIVE_INFINITY;

  wrap = (writer: SqliteWriter): SqliteWriter => ({
    run: (job) => {
      if (this.jobsLeft-- <= 0) return Promise.reject(new Error('the process has ended'));
      return writer.run(job);
    },
    close: () => writer.close(),
  });
}

class Run {
  private readonly next: () => number;
  private readonly queues: Map<string, Operation[]>;
  private readonly log: Operation[] = [];
  private readonly root = makeTempDir('rule');
  private readonly rule: StampRule;
  private readonly guillotine = new Guillotine();
  private world!: World;

  constructor(seed: number, rule: StampRule) {
    this.next = random(seed * 7919);
    this.queues = makeHistory(this.next);
    this.rule = rule;
  }

  /** Undefined = right to the end. */
  async findMistake(): Promise<string | undefined> {
    await this.open();
    try {
      for (let step = 0; step < stepCount; step++) {
        const did = await this.step();
        const found = await readRows([this.world.store], plan);
        const wanted = expectedRows(this.log);
        if (found.join() !== wanted.join()) {
          return `step ${step} (${did}): found ${found.join()}, wanted ${wanted.join()}`;
        }
      }
      return undefined;
    } finally {
      await this.world.close();
      removeTempDir(this.root);
    }
  }

  private async open(): Promise<void> {
    this.guillotine.jobsLeft = Number.POSITIVE_INFINITY;
    const { root, rule } = this;
    this.world = await openWorld({ root, rule, wrapWriter: this.guillotine.wrap });
    const { replayFrom } = this.world.store.positions;
    for (const operation of this.log) if (operation.lsn > replayFrom) this.apply(operation);
  }

  private apply(operation: Operation): void {
    const { hlc, origin, lsn } = operation;
    this.world.apply(frameOf(operation), { hlc, origin, lsn });
  }

  /** Nothing with a stamp at or below it can still be delivered. */
  private stableHlc(): number {
    const waiting = [...this.queues.values()].flatMap((queue) => queue.slice(0, 1));
    return Math.min(1_000_000, ...waiting.map(({ hlc }) => hlc - 1));
  }

  private deliver(): void {
    const open = [...this.queues.values()].filter((queue) => queue.length > 0);
    const operation = open[Math.floor(this.next() * open.length)]?.shift();
    if (operation === undefined) return;
    operation.lsn = this.log.length + 1;
    this.log.push(operation);
    this.apply(operation);
  }

  private flush(): Promise<void> {
    return this.world.flush(this.stableHlc());
  }

  private async crash(): Promise<void> {
    await this.world.close();
    await this.open();
  }

  private async step(): Promise<string> {
    const x = this.next();
    if (x < 0.55) {
      this.deliver();
      return 'deliver';
    }
    if (x < 0.7) {
      await this.flush();
      return 'flush';
    }
    if (x < 0.86) {
      const steps = 1 + Math.floor(this.next() * 6);
      const { signal } = new AbortController();
      for (let i = 0; i < steps; i++) {
        if (!(await this.world.store.compactStep(this.stableHlc(), signal))) break;
      }
      return 'compact';
    }
    if (x < 0.95) {
      // Names, the file, positions: the end comes after none to three of them.
      this.guillotine.jobsLeft = Math.floor(this.next() * 4);
      await this.flush().catch(() => undefined);
      await this.crash();
      return 'flush and crash';
    }
    await this.crash();
    return 'crash';
  }
}

async function countMistakes(rule: StampRule, seeds: number, stopAt: number): Promise<string[]> {
  const mistakes: string[] = [];
  for (let seed = 1; seed <= seeds && mistakes.length < stopAt; seed++) {
    const mistake = await new Run(seed, rule).findMistake();
    if (mistake !== undefined) mistakes.push(`seed ${seed} ${mistake}`);
  }
  return mistakes;
}

test('with the whole rule every read is right', { timeout: 120_000 }, async () => {
  expect(encodeSeriesKey(name).length).toBe(3);
  expect(await countMistakes(fullStampRule, 8, 1)).toEqual([]);
});

test.each(
  Object.keys(fullStampRule) as (keyof StampRule)[],
)('without the condition "%s" some read is wrong', async (condition) => {
  const rule = { ...fullStampRule, [condition]: false };
  expect(await countMistakes(rule, 40, 1)).toHaveLength(1);
});
