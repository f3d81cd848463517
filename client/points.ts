/** Points as callers have them: line protocol, or columns of typed arrays and lists. */

import type { ApiColumn } from '../src/rpc/api/column-messages.ts';
import type { PointBlock } from '../src/rpc/api/time-series-messages.ts';

/** A list of one type; `undefined` in it = the point has no such field. */
export type FieldValues =
  | Float64Array
  | BigInt64Array
  | readonly (number | undefined)[]
  | readonly (bigint | undefined)[]
  | readonly (boolean | undefined)[]
  | readonly (string | undefined)[];

/** Points of one series. */
export interface Points {
  readonly measurement: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** ns since the Unix epoch. */
  readonly times: BigInt64Array | readonly bigint[];
  /** One value per time each: numbers are floats, bigints integers. */
  readonly fields: Readonly<Record<string, FieldValues>>;
}

function validOf(values: readonly unknown[]): Uint8Array | undefined {
  if (!values.includes(undefined)) return undefined;
  return Uint8Array.from(values, (value) => (value === undefined ? 0 : 1));
}

function textColumn(
  values: readonly (string | undefined)[],
  valid: Uint8Array | undefined,
): ApiColumn {
  const places = new Map<string, number>();
  const codes = Uint32Array.from(values, (value = '') => {
    const place = places.get(value) ?? places.size;
    places.set(value, place);
    return place;
  });
  return { type: 'string', codes, dictionary: [...places.keys()], valid };
}

function flagsOf(values: readonly (boolean | undefined)[]): Uint8Array {
  return Uint8Array.from(values, (value) => (value === true ? 1 : 0));
}

function toColumn(name: string, values: FieldValues): ApiColumn {
  if (values instanceof Float64Array) return { type: 'float', values, valid: undefined };
  if (values instanceof BigInt64Array) return { type: 'integer', values, valid: undefined };
  const valid = validOf(values);
  const type = typeof values.find((value) => value !== undefined);
  if (values.some((value) => value !== undefined && typeof value !== type)) {
    throw new TypeError(`field ${JSON.stringify(name)} has values of several types`);
  }
  switch (type) {
    case 'number':
      return {
        type: 'float',
        values: Float64Array.from(values as readonly (number | undefined)[], (value = 0) => value),
        valid,
      };
    case 'bigint':
      return {
        type: 'integer',
        values: BigInt64Array.from(
          values as readonly (bigint | undefined)[],
          (value = 0n) => value,
        ),
        valid,
      };
    case 'boolean':
      return {
        type: 'boolean',
        values: flagsOf(values as readonly (boolean | undefined)[]),
        valid,
      };
    case 'string':
      return textColumn(values as readonly (string | undefined)[], valid);
    default:
      throw new TypeError(`field ${JSON.stringify(name)} has no values`);
  }
}

/** @throws TypeError */
export function toPointBlock({ measurement, tags = {}, times, fields }: Points): PointBlock {
  return {
    measurement,
    tags: Object.entries(tags),
    times: times instanceof BigInt64Array ? times : BigInt64Array.from(times),
    fields: Object.entries(fields).map(([name, values]) => ({
      name,
      column: toColumn(name, values),
    })),
  };
}
