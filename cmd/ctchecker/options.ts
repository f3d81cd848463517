/** Options of the checker, and their help. */

import { type FlagSyntax, type FlagTexts, parseFlags } from '../flags/parse-flags.ts';
import { UsageError } from '../flags/usage-error.ts';
import { readInteger } from '../flags/value-readers.ts';
import { renderFlag } from '../flags/wrap-text.ts';

export interface CheckerOptions {
  readonly store: 'tstore' | 'kstore';
  readonly write: boolean;
  readonly check: boolean;
  /** Points, or keys, per series. */
  readonly count: number;
  readonly series: number;
  /** Points or keys per second, all series together. */
  readonly rate: number;
  /** Name of the database and of the measurement in it, or of the table of keys. */
  readonly table: string;
  readonly urls: readonly string[];
}

interface Option extends FlagSyntax {
  readonly value?: string;
  readonly help: string;
}

const countMax = 100_000_000;
const seriesMax = 1_000_000;
const rateMax = 100_000;
/** The checker keeps a byte per point. */
const pointsMax = 2_000_000_000;

const optionTable: readonly Option[] = [
  {
    name: 'write',
    isSwitch: true,
    help: 'write points or keys, again and again until each is acknowledged',
  },
  { name: 'check', isSwitch: true, help: 'read everything back and compare its contents' },
  { name: 'tstore', isSwitch: true, help: 'use the time-series store' },
  { name: 'kstore', isSwitch: true, help: 'use the key-value store' },
  { name: 'count', value: 'N', help: 'points, or keys, per series [1]' },
  { name: 'series', value: 'N', help: 'number of series [1]' },
  { name: 'rate', value: 'N', help: `points or keys written per second, 1 to ${rateMax} [1]` },
  { name: 'table', value: 'NAME', help: 'database and measurement in it, or table of keys [test]' },
  {
    name: 'url',
    value: 'URL',
    help: 'server; several with commas or repeated flags: the next one is tried after an error [http://localhost:7086]',
  },
  { name: 'help', alias: 'h', isSwitch: true, help: 'this text' },
];

export function renderHelp(): string {
  const lines = optionTable.flatMap(({ name, value, help }) =>
    renderFlag(value === undefined ? `-${name}` : `-${name} ${value}`, help),
  );
  return `ctchecker: writes test data to Citadel and checks that all of it is there

Usage: ctchecker -write -tstore|-kstore [-flag value]...
       ctchecker -check -tstore|-kstore [-flag value]...

Flags take one dash or two, and a space or "=" before the value.

${lines.join('\n')}

Every point is a function of its series and index and carries a checksum; -check with the same
-count, -series and -table needs nothing else. Acknowledged points are noted in a journal,
ctchecker-NAME.journal in the current directory; with it, -check also tells lost points (once
acknowledged) from points never acknowledged.

With -kstore a key is put, overwritten, deleted and put again, as its number says; -check lists all
keys and reads each by its name, and a key that was deleted last must not be there. Its journal is
ctchecker-NAME.keys.journal.

Examples
  ctchecker -write -tstore -count 1000 -series 100 -rate 10000
  ctchecker -check -tstore -count 1000 -series 100
  ctchecker -write -check -kstore -count 10000 -rate 5000

Exit status: 0 when all is well, 1 when something stays unacknowledged or is missing, wrong,
duplicate or came back, 2 for a bad flag or value.
`;
}

function isOn(flags: FlagTexts, name: string): boolean {
  return flags.get(name)?.at(-1) === 'true';
}

function readNumber(flags: FlagTexts, name: string, max: number): number {
  const text = flags.get(name)?.at(-1) ?? '1';
  try {
    return readInteger(text, { min: 1, max });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`bad value "${text}" for -${name}: ${error.message}`);
  }
}

function readUrls(flags: FlagTexts): string[] {
  const texts = flags.get('url') ?? ['http://localhost:7086'];
  const urls = texts.flatMap((text) => text.split(',')).map((url) => url.trim());
  for (const url of urls) {
    if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) continue;
    throw new UsageError(
      `bad value "${url}" for -url: expected a URL such as http://localhost:7086`,
    );
  }
  return urls;
}

function readTable(flags: FlagTexts): string {
  const table = flags.get('table')?.at(-1) ?? 'test';
  if (/^[A-Za-z0-9_.-]{1,100}$/.test(table)) return table;
  throw new UsageError(
    `bad value "${table}" for -table: expected letters, digits, "_", "-" and ".", 1 to 100 of them`,
  );
}

export function readOptions(args: readonly string[]): CheckerOptions | 'help' {
  const flags = parseFlags(args, optionTable);
  if (isOn(flags, 'help')) return 'help';
  const isKeys = isOn(flags, 'kstore');
  if (isKeys === isOn(flags, 'tstore')) {
    throw new UsageError('say which store: either -tstore or -kstore (or see -help)');
  }
  const write = isOn(flags, 'write');
  const check = isOn(flags, 'check');
  if (!write && !check)
    throw new UsageError('say what to do: -write, -check or both (or see -help)');
  const count = readNumber(flags, 'count', countMax);
  const series = readNumber(flags, 'series', seriesMax);
  if (count * series > pointsMax) {
    throw new UsageError(
      `-count times -series is ${count * series}, more than ${pointsMax} points`,
    );
  }
  return {
    store: isKeys ? 'kstore' : 'tstore',
    write,
    check,
    count,
    series,
    rate: readNumber(flags, 'rate', rateMax),
    table: readTable(flags),
    urls: readUrls(flags),
  };
}
