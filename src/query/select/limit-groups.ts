/**
 * SLIMIT and SOFFSET: which groups of a measurement are on the page.
 *
 * As in InfluxDB they are counted over the series that the tags in WHERE leave, whether or not those
 * have rows in the range, in an order of their own: by the keys a group has, then by its values;
 * ORDER BY does not matter.
 */

import { escapeMeasurement } from '../../model/series-key.ts';
import { compareText } from '../../scan/text-order.ts';
import type { MeasurementPlan, SelectPlan } from '../compile/select-plan.ts';
import { isInner } from '../compile/tables.ts';
import { groupKey } from '../merge/group-key.ts';
import type { QueryContext } from '../query-context.ts';
import { collectSchema } from '../show/collect-schema.ts';
import { tagPart } from './limits.ts';

/** Keys (`groupKey`) of the groups on the page; undefined = all, subqueries having paged before. */
export async function pickGroups(
  plan: SelectPlan,
  measurement: MeasurementPlan,
  context: QueryContext,
): Promise<ReadonlySet<string> | undefined> {
  const stored = measurement.tables.filter(({ table }) => !isInner(table));
  if (stored.length === 0) return undefined;
  const groups = new Map<string, string>();
  for (const { table, where } of stored) {
    const { dbId, rpId } = table;
    const ask = { kind: 'series' } as const;
    const scope = { measurements: [table.measurement], where: tagPart(where), range: plan.range };
    const answer = await collectSchema({ dbId, rpId, ...scope, ask }, context);
    for (const series of answer.get(table.measurement)?.keys() ?? []) {
      const group = groupOf(plan.pageDimensions, readTags(series, table.measurement));
      groups.set(groupKey(group), pageOrder(plan.pageDimensions, group));
    }
  }
  const sorted = [...groups].sort(([, a], [, b]) => compareText(a, b));
  const page = sorted.slice(plan.soffset, plan.soffset + plan.slimit);
  return new Set(page.map(([key]) => key));
}

function groupOf(dimensions: readonly string[], tags: ReadonlyMap<string, string>): string[] {
  return dimensions.map((key) => tags.get(key) ?? '');
}

/** `host|region|a|eu`: keys without a value are left out. */
function pageOrder(dimensions: readonly string[], group: readonly string[]): string {
  const keys = dimensions.filter((_, index) => group[index] !== '');
  return [...keys, ...group.filter((value) => value !== '')].join('|');
}

/** Up to the next comma or equals sign that no backslash protects. */
const part = /(?:\\.|[^\\,=]|\\$)*/gsy;

/** Tags of a series key as SHOW SERIES writes it. */
export function readTags(series: string, measurement: string): Map<string, string> {
  const tags = new Map<string, string>();
  let at = escapeMeasurement(measurement).length + 1;
  while (at < series.length) {
    const key = readPart(series, at);
    const value = readPart(series, at + key.length + 1);
    tags.set(unescapeTag(key), unescapeTag(value));
    at += key.length + value.length + 2;
  }
  return tags;
}

function readPart(text: string, at: number): string {
  part.lastIndex = at;
  return part.exec(text)?.[0] ?? '';
}

function unescapeTag(text: string): string {
  return text.replace(/\\([,= ])/g, '$1');
}
