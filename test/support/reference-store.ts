/**
 * A slow, obvious store behind `QueryPorts`: rows in an array, every plan answered by looking at all
 * of them. Series are spread over several streams, as shards would.
 */

import { CitadelError } from '../../src/base/errors.ts';
import type { Column } from '../../src/model/column.ts';
import type { FieldType } from '../../src/model/field-type.ts';
import type {
  AggregateBlock,
  AggregateSpec,
  ColumnRef,
  Partial,
  RawBlock,
  RowExpr,
  ScanBlock,
  SchemaBlock,
  SchemaPlan,
  ShardPlan,
} from '../../src/model/plan.ts';
import type { QueryPorts } from '../../src/query/ports.ts';

export type FieldValue = number | bigint | string | boolean;
type Value = FieldValue | null;

export interface ReferencePoint {
  readonly measurement: string;
  readonly policy?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly time: bigint;
  /** number = float, bigint = integer. */
  readonly fields: Readonly<Record<string, FieldValue>>;
}

const byText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

function typeOf(value: FieldValue): FieldType {
  if (typeof value === 'bigint') return 'integer';
  if (typeof value === 'number') return 'float';
  return typeof value === 'string' ? 'string' : 'boolean';
}

function seriesKey(point: ReferencePoint): string {
  const escapeText = (text: string) => text.replace(/[,= ]/g, (char) => `\\${char}`);
  const tags = Object.entries(point.tags).sort(([a], [b]) => byText(a, b));
  const pairs = tags.map(([key, value]) => `${escapeText(key)}=${escapeText(value)}`);
  return [point.measurement.replace(/[, ]/g, (char) => `\\${char}`), ...pairs].join(',');
}

function makeColumn(type: FieldType, values: readonly Value[]): Column | undefined {
  if (values.every((value) => value === null)) return undefined;
  const valid = values.includes(null)
    ? Uint8Array.from(values, (value) => (value === null ? 0 : 1))
    : undefined;
  switch (type) {
    case 'float':
      return { type, values: Float64Array.from(values, (value) => Number(value ?? 0)), valid };
    case 'integer': {
      const wide = values.map((value) => BigInt((value as bigint | null) ?? 0n));
      const isSafe = wide.every((value) => Number.isSafeInteger(Number(value)));
      const packed = isSafe ? Float64Array.from(wide, Number) : BigInt64Array.from(wide);
      return { type, values: packed, valid };
    }
    case 'boolean':
      return { type, values: Uint8Array.from(values, (value) => (value === true ? 1 : 0)), valid };
    case 'string': {
      const dictionary = [...new Set(values.map((value) => String(value ?? '')))];
      const codes = Uint32Array.from(values, (value) => dictionary.indexOf(String(value ?? '')));
      return { type, codes, dictionary, valid };
    }
    default:
      throw new Error(`no ${type} here`);
  }
}

function evaluate(expr: RowExpr, point: ReferencePoint): Value {
  switch (expr.kind) {
    case 'field':
      return point.fields[expr.name] ?? null;
    case 'tag':
      return point.tags[expr.name] ?? '';
    case 'measurement':
      return point.measurement;
    case 'null':
      return null;
    case 'regex':
    case 'call':
      throw new Error(`no ${expr.kind} here`);
    case 'binary':
      return evaluateBinary(expr, point);
    default:
      return expr.value;
  }
}

function evaluateBinary(expr: Extract<RowExpr, { kind: 'binary' }>, point: ReferencePoint): Value {
  const left = evaluate(expr.left, point);
  if (expr.op === '=~' || expr.op === '!~') {
    if (expr.right.kind !== 'regex' || typeof left !== 'string') return false;
    return new RegExp(expr.right.pattern).test(left) === (expr.op === '=~');
  }
  const right = evaluate(expr.right, point);
  if (expr.op === 'and') return left === true && right === true;
  if (expr.op === 'or') return left === true || right === true;
  if (left === null || right === null) return false;
  const isNumber = (value: Value) => typeof value === 'number' || typeof value === 'bigint';
  if (typeof left !== typeof right && !(isNumber(left) && isNumber(right))) return false;
  switch (expr.op) {
    case '=':
      return (
        left === right || (isNumber(left) && isNumber(right) && Number(left) === Number(right))
      );
    case '!=':
      return !evaluateBinary({ ...expr, op: '=' }, point);
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    default:
      throw new Error(`no ${expr.op} here`);
  }
}

interface Cell {
  readonly value: FieldValue;
  readonly point: ReferencePoint;
}

function isLess(a: FieldValue, b: FieldValue): boolean {
  return typeof a === 'string' && typeof b === 'string' ? byText(a, b) < 0 : a < b;
}

function pick(fn: string, cells: readonly Cell[]): Cell {
  return cells.reduce((best, cell) => {
    const sameTime = cell.point.time === best.point.time;
    const earlier = cell.point.time < best.point.time;
    const isBoolean = typeof cell.value === 'boolean';
    switch (fn) {
      case 'first':
        if (!sameTime) return earlier ? cell : best;
        return isLess(best.value, cell.value) !== isBoolean && best.value !== cell.value
          ? cell
          : best;
      case 'last':
        if (!sameTime) return earlier ? best : cell;
        return isLess(best.value, cell.value) ? cell : best;
      case 'min':
        if (isLess(cell.value, best.value)) return cell;
        return cell.value === best.value && earlier ? cell : best;
      default:
        if (isLess(best.value, cell.value)) return cell;
        return cell.value === best.value && earlier ? cell : best;
    }
  });
}

const noValue = { float: 0, integer: 0n, unsigned: 0n, string: '', boolean: false } as const;

function makePartial(
  spec: AggregateSpec,
  windows: readonly (readonly Cell[])[],
  extras: readonly ColumnRef[],
): Partial {
  const counts = Float64Array.from(windows, (cells) => cells.length);
  const numbers = windows.map((cells) => cells.map(({ value }) => Number(value)));
  const per = (type: FieldType, value: (cells: readonly Cell[]) => Value): Column => {
    const values = windows.map((cells) => (cells.length === 0 ? null : value(cells)));
    const none = values.map(() => noValue[type]);
    return makeColumn(type, values) ?? makeColumn(type, none)!;
  };
  const { fn } = spec;
  switch (fn) {
    case 'count':
      return { fn, counts };
    case 'sum':
    case 'mean':
      return {
        fn,
        counts,
        sums: per(spec.type, (cells) =>
          spec.type === 'integer'
            ? BigInt.asIntN(
                64,
                cells.reduce((sum, { value }) => sum + BigInt(value), 0n),
              )
            : cells.reduce((sum, { value }) => sum + Number(value), 0),
        ),
      };
    case 'spread':
      return {
        fn,
        counts,
        mins: per(spec.type, (cells) => pick('min', cells).value),
        maxs: per(spec.type, (cells) => pick('max', cells).value),
      };
    case 'stddev': {
      const means = numbers.map((list) => list.reduce((a, b) => a + b, 0) / list.length);
      return {
        fn,
        counts,
        means: Float64Array.from(means, (mean) => (Number.isNaN(mean) ? 0 : mean)),
        m2: Float64Array.from(numbers, (list, i) =>
          list.reduce((sum, value) => sum + (value - means[i]!) ** 2, 0),
        ),
      };
    }
    case 'distinct': {
      const lists = windows.map((cells) => {
        const sorted = [...cells].sort((a, b) =>
          a.point.time === b.point.time
            ? isLess(a.value, b.value)
              ? -1
              : 1
            : a.point.time < b.point.time
              ? -1
              : 1,
        );
        return sorted.filter((cell, i) => sorted.findIndex((c) => c.value === cell.value) === i);
      });
      const starts = [0];
      for (const list of lists) starts.push(starts[starts.length - 1]! + list.length);
      const all = lists.flat();
      return {
        fn,
        counts,
        starts: Uint32Array.from(starts),
        values: makeColumn(
          spec.type,
          all.map(({ value }) => value),
        )!,
        firstTimes: BigInt64Array.from(all, ({ point }) => point.time),
      };
    }
    default: {
      const picked = windows.map((cells) => (cells.length === 0 ? undefined : pick(fn, cells)));
      return {
        fn,
        counts,
        values: per(spec.type, (cells) => pick(fn, cells).value),
        times: BigInt64Array.from(picked, (cell) => cell?.point.time ?? 0n),
        extras: extras.map((extra) =>
          makeColumn(
            extra.type,
            picked.map((cell) => (cell === undefined ? null : columnValue(extra, cell.point))),
          ),
        ),
      };
    }
  }
}

function columnValue(column: ColumnRef, point: ReferencePoint): Value {
  if (column.source === 'tag') return point.tags[column.name] ?? '';
  return point.fields[column.name] ?? null;
}

export interface ReferenceOptions {
  readonly streamCount?: number;
  /** Rows per raw block: small ones exercise the merge. */
  readonly blockRows?: number;
  readonly limits?: QueryPorts['limits'];
}

export class ReferenceStore implements QueryPorts {
  readonly points: ReferencePoint[] = [];
  readonly plans: ShardPlan[] = [];
  readonly limits: QueryPorts['limits'];
  readonly #streamCount: number;
  readonly #blockRows: number;

  constructor(options: ReferenceOptions = {}) {
    this.#streamCount = options.streamCount ?? 3;
    this.#blockRows = options.blockRows ?? 2;
    this.limits = options.limits ?? {
      maxSelectPoint: 0,
      maxSelectSeries: 0,
      maxSelectBuckets: 0,
    };
  }

  write(...points: ReferencePoint[]): void {
    this.points.push(...points);
  }

  readonly schema: QueryPorts['schema'] = {
    resolve: (database, policy) => {
      if (database !== 'db') {
        throw new CitadelError('not-found', `database not found: ${database}`);
      }
      const rpName = policy ?? 'autogen';
      if (rpName !== 'autogen' && !this.points.some((point) => point.policy === rpName)) {
        throw new CitadelError('not-found', `retention policy not found: ${rpName}`);
      }
      return { dbId: 'db', rpId: rpName, rpName, shardGroupNs: 604_800_000_000_000n };
    },
    databases: () => [{ name: 'db', policies: ['autogen'], defaultPolicy: 'autogen' }],
    fields: (_dbId, measurement) => {
      const fields = new Map<string, FieldType>();
      for (const point of this.points) {
        if (point.measurement !== measurement) continue;
        for (const [name, value] of Object.entries(point.fields)) fields.set(name, typeOf(value));
      }
      return fields.size === 0 ? undefined : fields;
    },
  };

  #streamOf(point: ReferencePoint): number {
    let hash = 0;
    for (const char of seriesKey(point)) hash = (hash * 31 + char.charCodeAt(0)) >>> 0;
    return hash % this.#streamCount;
  }

  #split(points: readonly ReferencePoint[]): ReferencePoint[][] {
    const streams = Array.from({ length: this.#streamCount }, (): ReferencePoint[] => []);
    for (const point of points) streams[this.#streamOf(point)]!.push(point);
    return streams;
  }

  scan(plan: ShardPlan): AsyncIterable<ScanBlock>[] {
    this.plans.push(plan);
    const rows = this.points.filter(
      (point) =>
        (point.policy ?? 'autogen') === plan.rpId &&
        point.measurement === plan.measurement &&
        point.time >= plan.range.min &&
        point.time <= plan.range.max &&
        (plan.where === undefined || evaluate(plan.where, point) === true),
    );
    return this.#split(rows).map((points) => this.#answer(plan, points));
  }

  async *#answer(plan: ShardPlan, points: readonly ReferencePoint[]): AsyncGenerator<ScanBlock> {
    const groups = new Map<string, ReferencePoint[]>();
    for (const point of points) {
      const key = plan.dimensions.map((name) => point.tags[name] ?? '').join('\0');
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [point]);
      else group.push(point);
    }
    const keys = [...groups.keys()].sort(byText);
    if (plan.descending) keys.reverse();
    for (const key of keys) {
      const group = plan.dimensions.length === 0 ? [] : key.split('\0');
      const { output } = plan;
      if (output.kind === 'raw') yield* this.#rawBlocks(plan, group, groups.get(key)!);
      else {
        const block = aggregateBlock(plan, group, groups.get(key)!);
        if (block.windows.length > 0) yield block;
      }
    }
  }

  *#rawBlocks(
    plan: ShardPlan,
    group: readonly string[],
    points: readonly ReferencePoint[],
  ): Generator<RawBlock> {
    if (plan.output.kind !== 'raw') return;
    const { columns, rowLimit } = plan.output;
    const fields = columns.filter((column) => column.source === 'field');
    const rows = points
      .filter((point) => fields.some((column) => columnValue(column, point) !== null))
      .sort((a, b) =>
        a.time === b.time
          ? byText(seriesKey(a), seriesKey(b)) * (plan.descending ? -1 : 1)
          : a.time < b.time !== plan.descending
            ? -1
            : 1,
      )
      .slice(0, rowLimit > 0 ? rowLimit : undefined);
    for (let at = 0; at < rows.length; at += this.#blockRows) {
      const part = rows.slice(at, at + this.#blockRows);
      const series = [...new Set(part.map(seriesKey))].sort(byText);
      yield {
        kind: 'raw',
        group,
        times: BigInt64Array.from(part, (point) => point.time),
        columns: columns.map((column) =>
          makeColumn(
            column.type,
            part.map((point) => columnValue(column, point)),
          ),
        ),
        series,
        seriesOfRow: Uint32Array.from(part, (point) => series.indexOf(seriesKey(point))),
      };
    }
  }

  schemaScan(plan: SchemaPlan): AsyncIterable<SchemaBlock>[] {
    const points = this.points.filter(
      (point) =>
        (plan.rpId === undefined || (point.policy ?? 'autogen') === plan.rpId) &&
        (plan.measurements === undefined || plan.measurements.includes(point.measurement)) &&
        (plan.where === undefined || evaluate(plan.where, { ...point, fields: {} }) === true),
    );
    return this.#split(points).map((part) => schemaBlocks(plan, part));
  }
}

function aggregateBlock(
  plan: ShardPlan,
  group: readonly string[],
  points: readonly ReferencePoint[],
): AggregateBlock {
  if (plan.output.kind !== 'aggregate') throw new Error('not an aggregate');
  const { aggregates, intervalNs, offsetNs, extras } = plan.output;
  const windowOf = (time: bigint): bigint => {
    if (intervalNs === 0n) return 0n;
    const rest = (((time - offsetNs) % intervalNs) + intervalNs) % intervalNs;
    return time - rest;
  };
  const used = points.filter((point) =>
    aggregates.some(({ field }) => point.fields[field] !== undefined),
  );
  const windows = [...new Set(used.map(({ time }) => windowOf(time)))].sort((a, b) =>
    a < b ? -1 : 1,
  );
  const cellsOf = (spec: AggregateSpec, window: bigint): Cell[] =>
    used
      .filter((point) => windowOf(point.time) === window && point.fields[spec.field] !== undefined)
      .map((point) => ({ value: point.fields[spec.field]!, point }));
  return {
    kind: 'aggregate',
    group,
    windows: BigInt64Array.from(windows),
    partials: aggregates.map((spec) =>
      makePartial(
        spec,
        windows.map((window) => cellsOf(spec, window)),
        extras,
      ),
    ),
  };
}

async function* schemaBlocks(
  plan: SchemaPlan,
  points: readonly ReferencePoint[],
): AsyncGenerator<SchemaBlock> {
  const { ask } = plan;
  for (const measurement of new Set(points.map((point) => point.measurement))) {
    const own = points.filter((point) => point.measurement === measurement);
    const pairs = new Map<string, readonly [string, string]>();
    const add = (key: string, value: string) => pairs.set(`${key}\0${value}`, [key, value]);
    for (const point of own) {
      if (ask.kind === 'series') add(seriesKey(point), '');
      for (const [key, value] of Object.entries(point.tags)) {
        if (ask.kind === 'tag-keys') add(key, '');
        if (ask.kind === 'columns') add(key, 'tag');
        if (ask.kind === 'tag-values' && (ask.keys?.includes(key) ?? true)) add(key, value);
      }
      for (const [name, value] of Object.entries(point.fields)) {
        if (ask.kind === 'fields' || ask.kind === 'columns') add(name, typeOf(value));
      }
    }
    const hasValues = ['fields', 'columns', 'tag-values'].includes(ask.kind);
    yield {
      measurement,
      keys: [...pairs.values()].map(([key]) => key),
      values: hasValues ? [...pairs.values()].map(([, value]) => value) : [],
      count: ask.kind === 'series-count' ? new Set(own.map(seriesKey)).size : 0,
    };
  }
}
