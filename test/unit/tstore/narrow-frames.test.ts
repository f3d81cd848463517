/**
 * Goal: integers that a frame keeps in 1, 2 or 4 bytes are read as what they are, from memory and from files.
 * Method: random columns of every size through the splitter into a store; all rows and a stretch of them, before and
 * after the flush, against the lines.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeText } from '../../../src/base/text.ts';
import { splitBatch } from '../../../src/broker/split/split.ts';
import { LineParser } from '../../../src/lineprotocol/lineprotocol.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import { db, openWorld, rawPlan, readRows, rp } from './store-world.ts';

const start = 1_600_000_000_000_000_000n;
const bitCounts = [7, 15, 31, 63] as const;
const fields = bitCounts.map((bits) => `v${bits}`);

const row = fc.tuple(
  ...bitCounts.map((bits) =>
    fc.bigInt({ min: -(2n ** BigInt(bits)), max: 2n ** BigInt(bits) - 1n }),
  ),
);

function frameOf(rows: readonly (readonly bigint[])[]): Uint8Array {
  const lines = rows.map((values, i) => {
    const cells = values.map((value, f) => `${fields[f]!}=${value}i`);
    return `m ${cells.join()} ${start + BigInt(i)}\n`;
  });
  const options = { database: 'db', precision: 'ns', nowNs: 0n } as const;
  const slice = new LineParser().parse(encodeText(lines.join('')), options);
  const accepts = new Uint8Array(slice.fields.length).fill(1);
  const { frames } = splitBatch(slice, { shardCount: 1, dbId: db, rpId: rp, accepts });
  expect(frames).toHaveLength(1);
  return frames[0]!.frame;
}

test('narrow integers are read as they were written', { timeout: 120_000 }, async () => {
  const columns = fields.map((name) => [name, 'integer'] as const);
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 20 }),
      fc.nat(19),
      async (rows, at) => {
        const wanted = rows.map(
          (values, i) => `m ${start + BigInt(i)} ${values.map((value) => `${value}i`).join(' ')}`,
        );
        const range = { min: start + BigInt(at), max: start + BigInt(at) + 3n };
        const root = makeTempDir('narrow');
        const world = await openWorld({ root });
        const check = async () => {
          expect(await readRows([world.store], rawPlan('m', columns))).toEqual(wanted);
          const some = await readRows([world.store], rawPlan('m', columns, { range }));
          expect(some).toEqual(wanted.slice(at, at + 4));
        };
        try {
          world.apply(frameOf(rows));
          await check();
          await world.flush();
          await check();
        } finally {
          await world.close();
          removeTempDir(root);
        }
      },
    ),
    { numRuns: 15 },
  );
});
