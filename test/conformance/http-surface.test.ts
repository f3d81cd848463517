/**
 * The HTTP surface against a real InfluxDB 1.6.7: the same requests to both, compared byte by byte.
 *
 * Cases are data: what the server answers to anybody (cases/http-surface.json), and the requests of Telegraf and of
 * Grafana as they send them. They run in order, on one database `mydb` and on those that they make.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { startCompared } from '../support/compared-citadel.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';
import { askBoth, requestCases, sendStep } from './request-cases.ts';

describe.skipIf(!influxdInstalled)('HTTP as InfluxDB 1.6.7 speaks it', () => {
  let citadel: CitadelProcess;
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    const args = ['-allow-changes-by-get', 'true'];
    [citadel, influxd] = await Promise.all([startCompared({ args }), startInfluxd()]);
    for (const { url } of [citadel, influxd]) {
      await sendStep(url, { method: 'POST', path: '/query?q=CREATE+DATABASE+mydb' });
    }
  });

  afterAll(async () => {
    await Promise.all([citadel?.cleanUp(), influxd?.stop()]);
  });

  test.each(requestCases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const { ours, theirs } = await askBoth(one, [citadel.url, influxd.url]);
    expect(ours).toEqual(theirs);
  });
});
