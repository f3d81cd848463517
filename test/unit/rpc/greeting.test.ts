/** Greetings: read as they were written, refused for reasons that say what to do. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkGreeting, formatGreeting, wireVersion } from '../../../src/rpc/greeting.ts';

const name = fc.string({ minLength: 1, unit: 'grapheme' });
const version = fc.integer({ min: 0, max: 1e12 });

test('a greeting is read as it was written, and is plain ASCII', async () => {
  await fc.assert(
    fc.property(name, name, name, name, version, (clusterUuid, node, storeId, to, mapVersion) => {
      const text = formatGreeting({ clusterUuid, node, storeId }, mapVersion, to);
      expect(text).toMatch(/^[\x20-\x7e]*$/);
      const self = { clusterUuid, node: to, storeId: 'other' };
      expect(checkGreeting(text, self)).toEqual({
        clusterUuid,
        node,
        storeId,
        mapVersion,
        wireVersion,
      });
    }),
  );
});
