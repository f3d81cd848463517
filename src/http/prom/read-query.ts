/**
 * A remote read as InfluxQL: one SELECT per measurement, because each has a type of its own and only floats are
 * samples. Names and values of labels are bound, never written into the text.
 */

import { maxTime, minTime } from '../../model/time.ts';
import type { LabelMatcher, ReadQuery } from './read-request.ts';

const nameLabel = '__name__';
const nsPerMs = 1_000_000n;
const operators = { equal: '=', 'not-equal': '!=', regex: '=~', 'not-regex': '!~' } as const;

export interface BoundText {
  readonly text: string;
  readonly params: Readonly<Record<string, unknown>>;
}

function isName({ name }: LabelMatcher): boolean {
  return name === nameLabel;
}

/** The one metric that is asked for; undefined = by other means than its name. */
export function metricOf({ matchers }: ReadQuery): string | undefined {
  return matchers.find((matcher) => isName(matcher) && matcher.type === 'equal')?.value;
}

/** As PromQL has it, an expression stands for the whole value. */
function anchored(pattern: string): string {
  return `^(?:${pattern})$`;
}

function boundValue({ type, value }: LabelMatcher): unknown {
  const isRegex = type === 'regex' || type === 'not-regex';
  return isRegex ? { regex: anchored(value) } : { string: value };
}

/** Which measurements may be meant: those that the conditions on the name leave. */
export function measurementsText({ matchers }: ReadQuery): BoundText {
  const own = matchers.find((matcher) => isName(matcher) && matcher.type === 'regex');
  if (own === undefined) return { text: 'SHOW MEASUREMENTS', params: {} };
  return { text: 'SHOW MEASUREMENTS WITH MEASUREMENT =~ $name', params: { name: boundValue(own) } };
}

function toNs(ms: number): bigint {
  const ns = BigInt(ms) * nsPerMs;
  if (ns > maxTime) return maxTime;
  return ns < minTime ? minTime : ns;
}

/** The samples of these measurements, one statement each, by series. */
export function samplesText(measurements: readonly string[], query: ReadQuery): BoundText {
  const params: Record<string, unknown> = {
    start: toNs(query.startMs),
    end: toNs(query.endMs),
  };
  const conditions = ['time >= $start', 'time <= $end'];
  for (const [i, matcher] of query.matchers.entries()) {
    params[`v${i}`] = boundValue(matcher);
    params[`l${i}`] = { identifier: matcher.name };
    const left = isName(matcher) ? '_name' : `$l${i}::tag`;
    conditions.push(`${left} ${operators[matcher.type]} $v${i}`);
  }
  const where = conditions.join(' AND ');
  const statements = measurements.map((measurement, i) => {
    params[`m${i}`] = { identifier: measurement };
    return `SELECT value::field FROM $m${i} WHERE ${where} GROUP BY *`;
  });
  return { text: statements.join('; '), params };
}
