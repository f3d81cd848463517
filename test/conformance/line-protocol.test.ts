/**
 * Goal: every line gets from us what InfluxDB 1.6.7 gives it: status, message and what is then stored.
 * Method: a curated list of odd lines (cases/line-protocol.json) and seeded mutations of them, each sent to
 * a fresh database of a real influxd and to our parser with the composition of answers behind it.
 *
 * LINE_PROTOCOL_MUTANTS and LINE_PROTOCOL_SEED widen the search.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeText } from '../../src/base/text.ts';
import { LineParser } from '../../src/lineprotocol/lineprotocol.ts';
import { type Precision, parsePrecision } from '../../src/lineprotocol/precision.ts';
import { WriteOutcome } from '../../src/lineprotocol/write-outcome.ts';
import { startCompared } from '../support/compared-citadel.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';
import { rawWrite } from './raw-write.ts';
import { readAnswer, type StoredCells, sortCells, storeBatch } from './stored-points.ts';

interface Case {
  readonly group: string;
  /** Lone surrogates U+DC80..U+DCFF stand for single bytes (base/text.ts). */
  readonly body: string;
  readonly precision?: Precision;
}

interface Answer {
  readonly status: number;
  readonly message: string;
  readonly cells: readonly string[];
}

const casesFile = fileURLToPath(new URL('cases/line-protocol.json', import.meta.url));
const curated = JSON.parse(readFileSync(casesFile, 'utf8')) as Case[];
const mutantCount = Number(process.env.LINE_PROTOCOL_MUTANTS ?? 250);
const mutantSeed = Number(process.env.LINE_PROTOCOL_SEED ?? 20160101);
/** Every so many cases go through a whole server as well: databases are cheap, not free. */
const servedEvery = Number(process.env.LINE_PROTOCOL_SERVED_EVERY ?? 4);
const parallel = 8;

function makeRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Pieces that mean something to the grammar, and some that do not. */
const pieces =
  ',|=| |"|\\|\n|\\,|\\=|\\ |\\"|\\\\|\t|\0|\r|#|i|-|.|e|1|0|9|t|x|time|v=1| 5|="|,a=b'.split('|');

function mutate(body: string, random: (below: number) => number): string {
  const symbols = [...body];
  for (let edits = 1 + random(3); edits > 0; edits--) {
    const at = random(symbols.length + 1);
    const piece = pieces[random(pieces.length)]!;
    const kind = random(3);
    if (kind === 0) symbols.splice(at, 0, piece);
    else if (kind === 1) symbols.splice(at, 1, piece);
    else symbols.splice(at, 1 + random(2));
  }
  return symbols.join('');
}

function isUtf8(body: string): boolean {
  return !/\p{Surrogate}/u.test(body);
}

function makeMutants(): Case[] {
  const random = makeRandom(mutantSeed);
  const usable = curated.filter(({ body }) => isUtf8(body) && body.length < 400);
  return Array.from({ length: mutantCount }, () => {
    const one = usable[random(usable.length)]!;
    return { ...one, group: `mutant of ${one.group}`, body: mutate(one.body, random) };
  });
}

/** Times that are the server's "now", in the units of the clock the test reads. */
function hideNow(cells: readonly string[], before: bigint, after: bigint): string[] {
  const isNow = (time: bigint): boolean => time >= before - 3_600_000_000_000n && time <= after;
  return cells
    .map((cell) => cell.replace(/"(\d{18,19})"/, (all, t) => (isNow(BigInt(t)) ? '"now"' : all)))
    .sort();
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

type Server = Pick<InfluxdProcess, 'url' | 'request'>;

let influxd: InfluxdProcess;
const parser = new LineParser();

function askOurs({ body, precision }: Case): Answer {
  const outcome = new WriteOutcome();
  const cells: StoredCells = new Map();
  const options = { database: 'd', precision: precision ?? 'ns', nowNs: nowNs() } as const;
  const slice = parser.parse(encodeText(body), options);
  outcome.addSlice(slice);
  storeBatch(slice, cells, outcome);
  const failure = outcome.compose();
  return {
    status: failure?.status ?? 204,
    message: failure?.message ?? '',
    cells: sortCells(cells),
  };
}

let databases = 0;

async function askServer(server: Server, { body, precision }: Case): Promise<Answer> {
  const db = `d${databases++}`;
  await server.request('/query', { q: `CREATE DATABASE ${db}` }, { method: 'POST' });
  const unit = precision === undefined ? '' : `&precision=${precision}`;
  const written = await rawWrite(`${server.url}/write?db=${db}${unit}`, encodeText(body));
  const q = 'SELECT * FROM /.*/ GROUP BY *; SHOW FIELD KEYS';
  const found = await server.request('/query', { db, epoch: 'ns', q });
  const answer = written.body === '' ? {} : (JSON.parse(written.body) as { error?: string });
  return {
    status: written.status,
    message: answer.error ?? '',
    cells: sortCells(readAnswer(found.text())),
  };
}

/** Cells that InfluxDB stores under a key it cannot find again, or without a field name. */
function isReadable(cell: string): boolean {
  const [measurement, tags, , field] = JSON.parse(cell.slice(0, cell.indexOf('] = ') + 1)) as [
    string,
    [string, string][],
    string,
    string,
  ];
  const names = [measurement, ...tags.flat()];
  const isLost =
    names.some((name) => /\\[,= "]|\\$/.test(name)) || field === '' || field === 'val0';
  return !isLost;
}

/** Differences that are known and wanted; undefined = must be equal. */
function acceptedDifference(ours: Answer, theirs: Answer): string | undefined {
  if (theirs.message.includes('contains invalid UTF-8')) return 'names of any bytes are stored';
  if (theirs.message === 'field type conflict' && ours.message.includes('field type conflict')) {
    return 'the good lines are stored when a new field comes with two types';
  }
  return undefined;
}

type Ask = (one: Case) => Answer | Promise<Answer>;

async function compare(
  one: Case,
  askUs: Ask,
): Promise<{ one: Case; ours: Answer; theirs: Answer } | undefined> {
  for (let attempt = 1; ; attempt++) {
    const before = nowNs();
    const theirs = await askServer(influxd, one);
    const ours = await askUs(one);
    const after = nowNs() + 1_000_000n;
    if (acceptedDifference(ours, theirs) !== undefined) return undefined;
    const tidy = (answer: Answer): Answer => ({
      ...answer,
      cells: hideNow(answer.cells.filter(isReadable), before, after),
    });
    if (JSON.stringify(tidy(ours)) === JSON.stringify(tidy(theirs))) return undefined;
    // The reference may lose sight of a first write for a while; asking it again settles that.
    if (attempt === 2) return { one, ours: tidy(ours), theirs: tidy(theirs) };
  }
}

async function compareAll(cases: readonly Case[], askUs: Ask): Promise<unknown[]> {
  const differences: unknown[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < cases.length) {
      const difference = await compare(cases[next++]!, askUs);
      if (difference !== undefined) differences.push(difference);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return differences;
}

describe.runIf(influxdInstalled)('line protocol against influxd 1.6.7', () => {
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(async () => {
    await influxd.stop();
  });

  test('the curated list is as long as promised, and every precision in it exists', () => {
    expect(curated.length).toBeGreaterThanOrEqual(300);
    for (const { precision } of curated) {
      if (precision !== undefined) expect(parsePrecision(precision)).toBe(precision);
    }
  });

  test('curated odd lines', async () => {
    expect(await compareAll(curated, askOurs)).toEqual([]);
  });

  test(`mutations, seed ${mutantSeed}`, async () => {
    expect(await compareAll(makeMutants(), askOurs)).toEqual([]);
  });

  test('the same lines over HTTP into a citadel, and back by SELECT', async () => {
    const citadel = await startCompared();
    try {
      const cases = [...curated, ...makeMutants()].filter((_, i) => i % servedEvery === 0);
      expect(await compareAll(cases, (one) => askServer(citadel, one))).toEqual([]);
    } finally {
      await citadel.cleanUp();
    }
  });

  test('a row with one refused field is refused whole', async () => {
    const write = (db: string, body: string) =>
      rawWrite(`${influxd.url}/write?db=${db}`, encodeText(body));
    await influxd.request('/query', { q: 'CREATE DATABASE whole' }, { method: 'POST' });
    await write('whole', 'm v=1 1');
    const answer = await write('whole', 'm v="x",w=3 2\nm v=2 3\nm v=true 4');
    expect(JSON.parse(answer.body)).toEqual({
      error:
        'partial write: field type conflict: input field "v" on measurement "m" is type string, already exists as type float dropped=2',
    });
    const found = await influxd.request('/query', {
      db: 'whole',
      epoch: 'ns',
      q: 'SELECT * FROM m',
    });
    expect(found.json()).toMatchObject({
      results: [
        {
          series: [
            {
              columns: ['time', 'v'],
              values: [
                [1, 1],
                [3, 2],
              ],
            },
          ],
        },
      ],
    });
  });
});
