/** Bodies that came apart: as a batch they are what each of them is alone. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineParser } from '../../../src/lineprotocol/lineprotocol.ts';
import { plainRows } from './parsed-rows.ts';

const lines = fc.constantFrom(
  'cpu,host=a v=1 1',
  'cpu,host=b v=2i,w="x y" 2',
  'cpu,host=a v=1',
  'm s="two\nlines" 3',
  'm s="never closed 4',
  '# x="',
  'bad',
  '',
  'cpu,time=x v=1',
);
const bodies = fc
  .tuple(fc.array(lines, { maxLength: 6 }), fc.constantFrom('', '\n'))
  .map(([some, end]) => Buffer.from(some.join('\n') + end));

test('rows, errors and refusals are those of each part', async () => {
  const parts = fc.array(
    fc.record({ body: bodies, nowNs: fc.bigInt({ min: 0n, max: 10n ** 18n }) }),
  );
  const together = new LineParser();
  const alone = new LineParser();
  const options = { database: 'd', precision: 'ns' } as const;
  await fc.assert(
    fc.property(parts, (given) => {
      const batch = together.parseParts(given, options);
      const rows = plainRows(batch);
      const { errorCount, droppedCount } = batch;
      const reasons = batch.errors.map(({ reason }) => reason);
      const expected = given.map(({ body, nowNs }) => {
        const one = alone.parse(body, { ...options, nowNs });
        return { rows: plainRows(one), one };
      });
      expect(rows).toEqual(expected.flatMap((each) => each.rows));
      expect(errorCount).toBe(expected.reduce((sum, { one }) => sum + one.errorCount, 0));
      expect(droppedCount).toBe(expected.reduce((sum, { one }) => sum + one.droppedCount, 0));
      expect(reasons).toEqual(
        expected.flatMap(({ one }) => one.errors.map(({ reason }) => reason)),
      );
    }),
    { numRuns: 300 },
  );
});
