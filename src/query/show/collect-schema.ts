/** Gathers what all shards answer to a schema question, without duplicates. */

import { HeldMemory } from '../../base/memory-budget.ts';
import type { SchemaPlan } from '../../model/plan.ts';
import { blockSize } from '../limits/meter-blocks.ts';
import { checkSignal, type QueryContext } from '../query-context.ts';

/** Of one measurement: keys, each with its values (tag values, field types); both may be empty. */
export type SchemaKeys = Map<string, Set<string>>;

/** Measurement -> keys. */
export type SchemaAnswer = Map<string, SchemaKeys>;

/** In maps here, and in lists where they are put in order; until the statement ends. */
const copiesOfKeys = 2;

/** @throws CitadelError `limit-exceeded` */
export async function collectSchema(
  plan: SchemaPlan,
  context: QueryContext,
): Promise<SchemaAnswer> {
  const answer: SchemaAnswer = new Map();
  const streams = context.ports.schemaScan(plan, context.signal);
  const held = new HeldMemory(context.memory);
  await Promise.all(
    streams.map(async (stream) => {
      for await (const block of stream) {
        checkSignal(context.signal);
        held.add(blockSize(block) * copiesOfKeys);
        const keys = keysOf(answer, block.measurement);
        for (let i = 0; i < block.keys.length; i++) {
          addValue(keys, block.keys[i]!, block.values[i]);
        }
      }
    }),
  );
  return answer;
}

function keysOf(answer: SchemaAnswer, measurement: string): SchemaKeys {
  let keys = answer.get(measurement);
  if (keys === undefined) {
    keys = new Map();
    answer.set(measurement, keys);
  }
  return keys;
}

const noValues = new Set<string>();

function addValue(keys: SchemaKeys, key: string, value: string | undefined): void {
  const values = keys.get(key);
  if (value === undefined) {
    if (values === undefined) keys.set(key, noValues);
  } else if (values === undefined || values === noValues) {
    keys.set(key, new Set([value]));
  } else {
    values.add(value);
  }
}

/** Series per measurement, summed over the streams: every series lives in one shard. */
export async function countSeries(
  plan: Omit<SchemaPlan, 'ask'>,
  context: QueryContext,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const streams = context.ports.schemaScan(
    { ...plan, ask: { kind: 'series-count' } },
    context.signal,
  );
  await Promise.all(
    streams.map(async (stream) => {
      for await (const { measurement, count } of stream) {
        checkSignal(context.signal);
        counts.set(measurement, (counts.get(measurement) ?? 0) + count);
      }
    }),
  );
  return counts;
}
