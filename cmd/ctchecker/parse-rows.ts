/**
 * Query responses -> points, exact to the last digit: times and integers beyond 2^53 must not pass
 * through a JavaScript number, so long numbers become texts before JSON.parse sees them.
 */

import type { PatternPoint } from './pattern.ts';

interface Series {
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

interface Response {
  readonly error?: string;
  readonly results?: readonly { readonly error?: string; readonly series?: readonly Series[] }[];
}

/** Strings are matched only to be skipped. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** 16 digits are the first that may be inexact. */
const longInteger = /^-?\d{16,}$/;

function quoteLongIntegers(json: string): string {
  return json.replace(stringOrNumber, (token) => (longInteger.test(token) ? `"${token}"` : token));
}

function toBigInt(value: unknown): bigint {
  const isInteger = typeof value === 'string' || Number.isSafeInteger(value);
  return isInteger ? BigInt(value as string | number) : 0n;
}

/** A missing or mistyped value becomes one that no point has, so that the comparison reports it. */
function toPoint(columns: readonly string[], row: readonly unknown[]): PatternPoint {
  const get = (name: string) => row[columns.indexOf(name)];
  const float = get('f');
  const string = get('s');
  const checksum = get('crc');
  return {
    timeNs: toBigInt(get('time')),
    float: typeof float === 'number' ? float : Number.NaN,
    integer: toBigInt(get('i')),
    string: typeof string === 'string' ? string : '(none)',
    boolean: get('b') === true,
    checksum: typeof checksum === 'number' ? checksum : -1,
  };
}

/** The points of one line of a chunked response (or of a whole unchunked one). */
export function parseRows(json: string): PatternPoint[] {
  const response = JSON.parse(quoteLongIntegers(json)) as Response;
  const results = response.results ?? [];
  const error = response.error ?? results.find((result) => result.error !== undefined)?.error;
  if (error !== undefined) throw new Error(error);
  return results
    .flatMap((result) => result.series ?? [])
    .flatMap(({ columns, values }) => values.map((row) => toPoint(columns, row)));
}
