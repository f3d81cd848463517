/**
 * A long query does not stop others: pings and writes are answered all the while it runs.
 *
 * Method: queries over many points, one after the other, beside pings and a writer. The bound is loose,
 * it tells a held thread from a shared processor; `npm run bench -- busy` prints the real figures.
 */

import { afterEach, expect, test } from 'vitest';
import { loadBusyRows, percentile, timeRequests } from '../support/busy-load.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';

const queryMs = Number(process.env.TEST_BUSY_MS ?? 4_000);
const heldMs = 1_000;
const started: CitadelProcess[] = [];

afterEach(async () => {
  for (const server of started.splice(0)) await server.cleanUp();
});

const longQuery =
  'SELECT mean(a), stddev(b), percentile(a, 90) FROM m WHERE a * b > 1 AND time >= 1700000000s ' +
  'AND time < 1700006000s GROUP BY time(1m), host';

test('pings and writes go on beside a long query', async () => {
  const server = await startCitadel();
  started.push(server);
  await loadBusyRows(server, 300_000);
  const end = performance.now() + queryMs;
  const goesOn = () => performance.now() < end;
  let queries = 0;
  const query = async () => {
    while (goesOn()) {
      const params = { db: 'busy', q: longQuery, chunked: 'true' };
      expect((await server.request('/query', params)).status).toBe(200);
      queries++;
    }
  };
  const [{ pings, writes }] = await Promise.all([timeRequests(server, goesOn), query()]);
  expect(queries).toBeGreaterThan(0);
  expect(pings.length).toBeGreaterThan(20);
  expect(percentile(pings, 0.9)).toBeLessThan(heldMs);
  expect(percentile(writes, 0.9)).toBeLessThan(heldMs);
}, 60_000);
