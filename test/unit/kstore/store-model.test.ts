/**
 * Goal: whatever the order of arrival, flushes, reopenings, collections and merges, the store answers as a plain
 * map in which the greatest stamp of a key wins.
 * Method: random histories against that map; every entry is one of a fixed set of operations with unique stamps.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inlineSizeMax } from '../../../src/kstore/file/kv-file.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import { bytesOf, openWorld, origins, type Pair, type World } from './kstore-world.ts';

/** Keys that share beginnings, end in zeros, and are of all sizes. */
const key = fc.oneof(
  fc.constantFrom('a', 'a\0', 'a\0\0\0\0', 'a\0\0\0\0\0', 'ab', 'b', '\xff', '\xff\xff', '\0'),
  fc.integer({ min: 0, max: 40 }).map((n) => `shared/prefix/${n}`),
  fc
    .uint8Array({ minLength: 1, maxLength: 12 })
    .map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.integer({ min: 1, max: 3 }).map((n) => 'long'.repeat(4000 * n)),
);
const value = fc.oneof(
  fc.constant(''),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  // Around the size up to which a value lies in a page.
  fc.integer({ min: 16_380, max: 16_390 }).map((size) => 'v'.repeat(size)),
  fc.constant('w'.repeat(70_000)),
);
const pairs = fc.array(fc.tuple(key, fc.option(value, { nil: undefined, freq: 3 })), {
  minLength: 1,
  maxLength: 12,
});

type Step =
  | {
      readonly kind: 'put';
      readonly table: string;
      readonly pairs: readonly Pair[];
      readonly late: number;
    }
  | { readonly kind: 'again'; readonly which: number }
  | { readonly kind: 'flush' | 'reopen' | 'collect' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      table: fc.constantFrom('t', 'u'),
      pairs,
      late: fc.nat(30),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('collect' as const) }) },
);

interface Written {
  readonly table: string;
  readonly pairs: readonly Pair[];
  readonly hlc: number;
  readonly origin: string;
  readonly lsn: number;
}

class Model {
  readonly written: Written[] = [];
  readonly cells = new Map<string, { stamp: string; value: string | undefined }>();
  flushed = 0;

  add(one: Written): void {
    const stamp = `${String(one.hlc).padStart(16, '0')}${one.origin}`;
    for (const [name, text] of one.pairs) {
      const id = `${one.table}/${name}`;
      const known = this.cells.get(id);
      if (known === undefined || stamp >= known.stamp) this.cells.set(id, { stamp, value: text });
    }
  }

  list(table: string): string[] {
    const found: { key: Buffer; text: string }[] = [];
    for (const [id, { value: text }] of this.cells) {
      if (!id.startsWith(`${table}/`) || text === undefined) continue;
      const name = id.slice(table.length + 1);
      found.push({ key: Buffer.from(name, 'latin1'), text: `${name}=${text}` });
    }
    return found.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ text }) => text);
  }
}

function replay(world: World, { table, pairs: some, hlc, origin, lsn }: Written): void {
  world.put(table, some, { hlc, origin, lsn });
}

test('the store answers as a map in which the greatest stamp wins', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const root = makeTempDir('kstore');
      try {
        let world = await openWorld({ root });
        const model = new Model();
        let lsn = 0;
        let stable = 0;
        for (const one of steps) {
          if (one.kind === 'put') {
            lsn++;
            // Later entries may have older stamps, but never one that was said to be stable.
            const hlc = Math.max(stable + 1, lsn * 3 - one.late);
            const origin = origins[lsn % 3]!;
            const isTaken = model.written.some((w) => w.hlc === hlc && w.origin === origin);
            const entry = {
              table: one.table,
              pairs: one.pairs,
              hlc: isTaken ? lsn * 3 : hlc,
              origin,
              lsn,
            };
            if (model.written.some((w) => w.hlc === entry.hlc && w.origin === origin)) continue;
            model.written.push(entry);
            model.add(entry);
            replay(world, entry);
          } else if (one.kind === 'again') {
            const entry = model.written[one.which];
            if (entry !== undefined && entry.hlc > stable) replay(world, entry);
          } else if (one.kind === 'flush') {
            world.hlc = lsn * 3;
            await world.flush();
          } else if (one.kind === 'collect') {
            stable = Math.max(stable, lsn * 3 - 10);
            const signal = new AbortController().signal;
            while (await world.store.compactStep(stable, signal, { [origins[0]]: lsn }));
          } else {
            const { replayFrom } = world.store.positions;
            await world.close();
            world = await openWorld({ root });
            expect(world.store.positions.replayFrom).toBe(replayFrom);
            for (const entry of model.written) if (entry.lsn > replayFrom) replay(world, entry);
          }
          await compare(world, model);
        }
        await world.flush();
        await compare(world, model);
        expect(await world.store.verify(new AbortController().signal)).toEqual([]);
        await world.close();
      } finally {
        removeTempDir(root);
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);

async function compare(world: World, model: Model): Promise<void> {
  for (const table of ['t', 'u']) {
    expect(await world.list(table)).toEqual(model.list(table));
    const from = bytesOf('a');
    const until = bytesOf('shared/prefix/3');
    const within = model.list(table).filter((text) => {
      const name = Buffer.from(text.slice(0, text.indexOf('=')), 'latin1');
      return Buffer.compare(name, from) >= 0 && Buffer.compare(name, until) < 0;
    });
    if (within.every((text) => !text.slice(0, text.indexOf('=')).includes('='))) {
      const found = await world.list(table, { from, until });
      expect(found.length).toBe(within.length);
    }
    const ids = [...model.cells.keys()].filter((id) => id.startsWith(`${table}/`));
    const names = [...ids.map((id) => id.slice(table.length + 1)), 'not there'];
    const expected = names.map((name) => model.cells.get(`${table}/${name}`)?.value);
    expect(await world.get(table, names)).toEqual(expected);
    compareAtOnce(world, table, names, expected);
  }
}

/** What is read in one turn is the same, or undefined when it is too large: certainly where a row has more than 16 KiB. */
function compareAtOnce(
  world: World,
  table: string,
  names: readonly string[],
  expected: readonly (string | undefined)[],
): void {
  for (let at = 0; at < names.length; at += 64) {
    const some = names.slice(at, at + 64);
    const wanted = expected.slice(at, at + 64);
    const sizes = wanted.map((text) => text?.length ?? 0);
    const size = sizes.reduce((sum, one) => sum + one, 0);
    if (size > 0) expect(world.getNow(table, some, size - 1)).toBeUndefined();
    const found = world.getNow(table, some, size);
    if (sizes.every((one) => one <= inlineSizeMax)) expect(found).toEqual(wanted);
    else if (found !== undefined) expect(found).toEqual(wanted);
  }
}
