/**
 * Durations: `1d12h` to nanoseconds and back, in InfluxQL's form and in Go's.
 */

const nsPerUnit: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['u', 1_000n],
  ['µ', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
  ['d', 86_400_000_000_000n],
  ['w', 604_800_000_000_000n],
]);

const printedUnits = (['w', 'd', 'h', 'm', 's', 'ms', 'u'] as const).map(
  (unit) => [unit, nsPerUnit.get(unit)!] as const,
);

const int64Max = 9223372036854775807n;
const piece = /(\d+)(ns|ms|[uµmshdw])/y;

export type ParsedDuration =
  | { readonly ns: bigint; readonly error: undefined }
  | { readonly ns: undefined; readonly error: string };

const invalid: ParsedDuration = { ns: undefined, error: 'invalid duration' };

/** Nanoseconds, or InfluxDB's message. A leading minus is legal in bound parameters only. */
export function parseDuration(text: string): ParsedDuration {
  const negative = text.startsWith('-');
  if (text.length < 2) return invalid;
  let at = negative ? 1 : 0;
  let sum = 0n;
  let last = '';
  while (at < text.length) {
    piece.lastIndex = at;
    const match = piece.exec(text);
    if (match === null) return invalid;
    const count = BigInt(match[1]!);
    if (count > int64Max) return invalid;
    sum = BigInt.asIntN(64, sum + count * nsPerUnit.get(match[2]!)!);
    last = `${count}${match[2]}`;
    at = piece.lastIndex;
  }
  if (sum < 0n && !negative) {
    const error = `overflowed duration ${last}: choose a smaller duration or INF`;
    return { ns: undefined, error };
  }
  return { ns: negative ? BigInt.asIntN(64, -sum) : sum, error: undefined };
}

/** The largest unit that divides it: `90m`, `1w`, `0s`. */
export function formatDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  for (const [unit, size] of printedUnits) {
    if (ns % size === 0n) return `${ns / size}${unit}`;
  }
  return `${ns}ns`;
}

/** Go's form, as SHOW RETENTION POLICIES has it: `168h0m0s`, `1.5s`, `0s`. */
export function formatGoDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  const sign = ns < 0n ? '-' : '';
  const size = ns < 0n ? -ns : ns;
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${formatFraction(size, 1_000n)}µs`;
  if (size < 1_000_000_000n) return `${sign}${formatFraction(size, 1_000_000n)}ms`;
  const minutes = size / 60_000_000_000n;
  const seconds = `${formatFraction(size % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return sign + seconds;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function formatFraction(ns: bigint, unit: bigint): string {
  const digits = unit.toString().length - 1;
  const fraction = (ns % unit).toString().padStart(digits, '0').replace(/0+$/, '');
  return fraction === '' ? `${ns / unit}` : `${ns / unit}.${fraction}`;
}
