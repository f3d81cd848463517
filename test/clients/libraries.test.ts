/**
 * Goal: programs written for InfluxDB 1.x with its libraries for Python and Go run against Citadel unchanged.
 * Method: the same program against both servers must print the same; then against a Citadel that asks for a
 * login, with and without one.
 */

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { havePackages } from '../support/debian-packages.ts';
import { buildGo } from './build-go.ts';
import { type ProgramResult, runProgram } from './run-program.ts';
import { type ServerPair, startPair } from './server-pair.ts';

/** The machine may be slow; no test waits for its own sake. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const python = '/usr/bin/python3';
const pythonProgram = fileURLToPath(new URL('programs/python-client.py', import.meta.url));
const user = ['ann', "p'w: d"] as const;

const hasPython = havePackages('influxdb', 'python3-influxdb');
const hasGo = havePackages(
  'influxdb',
  'golang-go',
  'golang-github-influxdata-influxdb1-client-dev',
);

/** A Citadel with one user, who may do everything. */
async function startGuarded(): Promise<CitadelProcess> {
  const citadel = await startCitadel({ args: ['-auth-enabled', 'true', '-fsync', 'never'] });
  const password = user[1].replaceAll("'", "\\'");
  const q = `CREATE USER ${user[0]} WITH PASSWORD '${password}' WITH ALL PRIVILEGES`;
  const made = await citadel.request('/query', { q }, { method: 'POST' });
  expect(made.text()).not.toContain('error');
  return citadel;
}

describe.skipIf(!hasPython && !hasGo)('client libraries', () => {
  let pair: ServerPair;
  let guarded: CitadelProcess;

  beforeAll(async () => {
    [pair, guarded] = await Promise.all([startPair(), startGuarded()]);
  });

  afterAll(async () => {
    await pair?.stop();
    await guarded?.cleanUp();
  });

  /** Alike on both, alike with a login, and refused without. */
  async function expectSame(
    run: (
      server: { url: string; port: number },
      access: readonly string[],
    ) => Promise<ProgramResult>,
  ): Promise<string> {
    const { ours, theirs } = await pair.bothSettled((server) => run(server, []));
    expect(ours).toEqual(theirs);
    expect(ours).toMatchObject({ status: 0, stderr: '' });
    expect(await run(guarded, user)).toEqual(ours);
    const stranger = await run(guarded, []);
    // Without a name, or with the one that the library has ready.
    expect(stranger.stdout + stranger.stderr).toMatch(
      /authentication credentials|authorization failed/,
    );
    return ours.stdout;
  }

  test.skipIf(!hasPython)('Python: points, bound parameters, chunks, MessagePack', async () => {
    const printed = await expectSame(({ port }, access) =>
      runProgram(python, [pythonProgram, '127.0.0.1', String(port), ...access]),
    );
    for (const part of ['9007199254740993', '"chunked"', 'quote \\" back', 'partial write']) {
      expect(printed).toContain(part);
    }
  });

  test.skipIf(!hasGo)('Go: points, parameters, chunks, exact integers', async () => {
    const program = await buildGo('go-client', pair.directory);
    const printed = await expectSame(({ url }, access) => runProgram(program, [url, ...access]));
    for (const part of ['9007199254740993', 'chunk 10', 'clash:', 'mean']) {
      expect(printed).toContain(part);
    }
  });
});
