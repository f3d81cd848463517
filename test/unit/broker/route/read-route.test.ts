/**
 * Goal: every shard is read exactly once whatever fails on the way, or the query fails.
 * Method: scripted data nodes that answer one block per shard they are asked for, and break when told.
 */

import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { ReadRoute } from '../../../../src/broker/route/read-route.ts';
import { SchemaFilter } from '../../../../src/broker/route/schema-filter.ts';
import type {
  AggregateBlock,
  ScanBlock,
  SchemaBlock,
  ShardPlan,
} from '../../../../src/model/plan.ts';
import { createScriptedNodes, type ScriptedNodes } from '../../../support/scripted-nodes.ts';

const plan: ShardPlan = {
  dbId: '1',
  rpId: '2',
  measurement: 'm',
  range: { min: 0n, max: 1n },
  where: undefined,
  dimensions: ['shard'],
  descending: false,
  output: { kind: 'raw', columns: [], rowLimit: 0 },
};

function blockOf(shard: number): AggregateBlock {
  const partials = [{ fn: 'count', counts: Float64Array.of(1) }] as const;
  return { kind: 'aggregate', group: [`s${shard}`], windows: BigInt64Array.of(0n), partials };
}

/** `breakAfter[name]`: blocks that node delivers before it fails, each time. */
function script(scripted: ScriptedNodes, breakAfter: Readonly<Record<string, number>>) {
  const asked: string[] = [];
  for (const [name, node] of scripted.nodes) {
    node.scan = (shards) => {
      asked.push(`${name}:${shards.join(',')}`);
      return [
        (async function* () {
          let left = breakAfter[name] ?? Number.POSITIVE_INFINITY;
          for (const shard of [...shards].sort()) {
            if (left-- <= 0) throw new CitadelError('unavailable', `${name} is gone`);
            yield blockOf(shard);
          }
        })(),
      ];
    };
  }
  return asked;
}

async function drain(streams: readonly AsyncIterable<ScanBlock>[]): Promise<string[]> {
  const groups: string[] = [];
  const read = async (stream: AsyncIterable<ScanBlock>) => {
    for await (const block of stream) groups.push(block.group[0]!);
  };
  await Promise.all(streams.map(read));
  return groups.sort();
}

const everyShard = Array.from({ length: 9 }, (_, shard) => `s${shard}`);

for (let seed = 1; seed <= 10; seed++) {
  test(`all shards come once though a node fails on the way (seed ${seed})`, async () => {
    const scripted = createScriptedNodes(seed, { shardCount: 9 });
    script(scripted, { [`n${seed % 3}`]: seed % 4 });
    const route = new ReadRoute(scripted.parts);
    const streams = route.scan(plan, new AbortController().signal);
    expect(await scripted.env.scheduler.run(drain(streams))).toEqual(everyShard);
  });
}

test('reads are spread over the replicas', async () => {
  const scripted = createScriptedNodes(1, { shardCount: 9 });
  const asked = script(scripted, {});
  for (let i = 0; i < 20; i++) {
    const streams = new ReadRoute(scripted.parts).scan(plan, new AbortController().signal);
    await scripted.env.scheduler.run(drain(streams));
  }
  for (const name of ['n0', 'n1', 'n2']) {
    expect(asked.filter((call) => call.startsWith(name)).length).toBeGreaterThan(8);
  }
});

test('a shard that nobody answers for fails the query, naming it', async () => {
  const scripted = createScriptedNodes(1, { shardCount: 3 });
  script(scripted, { n1: 0, n2: 0 });
  const streams = new ReadRoute(scripted.parts).scan(plan, new AbortController().signal);
  const result = scripted.env.scheduler.run(drain(streams));
  await expect(result).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('cannot read shard 1'),
  });
});

test('a schema stream that starts anew leaves out what was delivered', () => {
  const block = (keys: readonly string[]): SchemaBlock => ({
    measurement: 'm',
    keys,
    values: keys.map((key) => `v${key}`),
    count: 0,
  });
  const filter = new SchemaFilter();
  expect(filter.take(block(['a', 'b']))).toEqual(block(['a', 'b']));
  filter.restart();
  expect(filter.take(block(['b', 'c']))).toEqual(block(['c']));
  filter.restart();
  expect(filter.take(block(['c', 'a']))).toBeUndefined();
  const count: SchemaBlock = { measurement: 'n', keys: [], values: [], count: 3 };
  expect(filter.take(count)).toEqual(count);
  filter.restart();
  expect(filter.take(count)).toBeUndefined();
});
