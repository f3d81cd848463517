/**
 * Statements that change something, and what is seen afterwards, against a real InfluxDB 1.6.7: the same
 * steps on both in the same order, the answers compared byte by byte.
 *
 * Each case starts from an empty server pair with the one database `mydb`.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { startCompared } from '../support/compared-citadel.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';
import { compareSteps, statementCases } from './statement-cases.ts';

describe.skipIf(!influxdInstalled)('statements as InfluxDB 1.6.7 runs them', () => {
  let citadel: CitadelProcess;
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    const args = ['-allow-changes-by-get', 'true'];
    [citadel, influxd] = await Promise.all([startCompared({ args }), startInfluxd()]);
  });

  afterAll(async () => {
    await Promise.all([citadel?.cleanUp(), influxd?.stop()]);
  });

  test.each(statementCases.map((one) => [one.about, one] as const))('%s', async (_, one) => {
    expect(await compareSteps(one, citadel, influxd)).toBe(undefined);
  });
});
