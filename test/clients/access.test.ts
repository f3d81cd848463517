/**
 * Goal: real clients log in and are told when they may not; no password is left in what the server writes.
 * Method: one server with users; the `influx` shell, Python's client and our own commands.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openClient } from '../../client/client.ts';
import {
  loginWays,
  noLogin,
  passwordOf,
  peopleStatements,
  testSecret,
} from '../support/access-people.ts';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { havePackages } from '../support/debian-packages.ts';
import { findFreePort } from '../support/free-port.ts';
import { startSecured } from '../support/secured-citadel.ts';
import { startServer } from '../support/server-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { runTool } from './run-tool.ts';

const shell = '/usr/bin/influx';
const python = '/usr/bin/python3';
const hasShell = havePackages('influxdb-client');
const hasPythonClient = havePackages('python3-influxdb');
const citadelBinary = fileURLToPath(new URL('../../bin/citadel', import.meta.url));

const oddPassword = "p'w: d";

let server: CitadelProcess;
let grpcAddress: string;

async function query(q: string, login = loginWays.url!('admin'), db = '') {
  const params = { q, ...(db !== '' && { db }), ...login.params };
  return server.request('/query', params, { method: 'POST', headers: login.headers });
}

beforeAll(async () => {
  grpcAddress = `127.0.0.1:${await findFreePort()}`;
  server = await startSecured(['-log-level', 'debug', '-grpc', grpcAddress]);
  for (const [i, q] of peopleStatements.entries()) {
    const { status } = await query(q, i === 0 ? noLogin : loginWays.url!('admin'));
    expect(status, q).toBe(200);
  }
});

afterAll(() => server?.cleanUp());

async function run(command: string, args: readonly string[], env = {}) {
  const child = startServer(command, args, env);
  const { code } = await child.exited;
  return { code, out: child.stdout(), err: child.stderr() };
}

function runShell(name: string, password: string, execute: string) {
  const login = name === '' ? [] : ['-username', name, '-password', password];
  const place = ['-host', '127.0.0.1', '-port', String(server.port), '-database', 'mine'];
  return run(shell, [...place, ...login, '-execute', execute]);
}

test.skipIf(!hasShell)('the influx shell logs in, writes, reads and is refused', async () => {
  const as = (name: string, text: string) => runShell(name, passwordOf(name), text);
  const written = await as('writer', 'INSERT shell,host=a v=1.5 1000000000');
  expect([written.code, written.out + written.err]).toEqual([0, '']);
  const read = await as('reader', 'SELECT * FROM shell');
  expect(read.out).toMatch(/1000000000 +a +1\.5/);

  const refused = await as('writer', 'SELECT * FROM shell');
  expect(refused.out + refused.err).toContain(
    "writer not authorized to execute statement 'SELECT * FROM shell', requires READ on mine",
  );
  const stranger = await as('stranger', 'INSERT shell v=1');
  expect(stranger.out + stranger.err).toContain('user is not authorized to write to database');
  const wrong = await runShell('reader', 'wrong', 'SHOW DATABASES');
  expect(wrong.out + wrong.err).toContain('authorization failed');
  const nobody = await runShell('', '', 'SHOW DATABASES');
  expect(nobody.out + nobody.err).toContain('unable to parse authentication credentials');
  // It changes things by POST: no switch is needed for it.
  const made = await as('admin', 'CREATE DATABASE byshell; DROP DATABASE byshell');
  expect([made.code, made.err]).toEqual([0, '']);
});

const script = `
import sys
from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError
port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = InfluxDBClient('127.0.0.1', port, user, password, 'mine')
client.write_points([{'measurement': 'py', 'time': 1, 'fields': {'v': 2.5}}])
print(list(client.query('SELECT v FROM py', epoch='ns').get_points()))
try:
    client.create_database('x')
except InfluxDBClientError as error:
    print(error.code)
`;

test.skipIf(!hasPythonClient)("Python's client logs in", async () => {
  const args = ['-c', script, String(server.port), 'owner', passwordOf('owner')];
  const { out, err } = await run(python, args);
  expect(out + err).toContain("[{'time': 1, 'v': 2.5}]\n403\n");
});

test('our own commands log in', async () => {
  const directory = makeTempDir('password');
  const file = join(directory, 'password');
  writeFileSync(file, `${passwordOf('admin')}\n`);
  const ask = (args: readonly string[], env = {}) =>
    run(process.execPath, [citadelBinary, ...args, '-url', server.url], env);
  const shown = await ask(['nodes', '-user', 'admin', '-password-file', file]);
  expect([shown.code, shown.err]).toEqual([0, '']);
  const env = { INFLUX_USERNAME: 'admin', INFLUX_PASSWORD: passwordOf('admin') };
  expect((await ask(['nodes'], env)).code).toBe(0);
  const refused = await ask(['nodes']);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('say who with -user and -password-file');
  removeTempDir(directory);
});

test('import and export log in: who may write does, others are told what is missing', async () => {
  const directory = makeTempDir('transfer-password');
  try {
    const quoted = oddPassword.replaceAll("'", "\\'");
    const made = await query(`CREATE USER ann WITH PASSWORD '${quoted}' WITH ALL PRIVILEGES`);
    expect(made.text()).not.toContain('error');
    writeFileSync(join(directory, 'password'), `${oddPassword}\n`);
    const user = ['-user', 'ann', '-password-file', 'password'];
    const place = ['-url', server.url, '-db', 'guarded'];
    const args = ['import', ...place, '-create', '-'];
    const imported = await runTool([...args, ...user], directory, 'm v=1 1');
    expect(imported).toMatchObject({ status: 0, stdout: 'written 1 points, refused 0\n' });
    const exported = await runTool(['export', ...place, ...user], directory);
    expect(exported.stdout).toBe('m v=1 1\n');
    const stranger = await runTool(['export', ...place], directory);
    expect(stranger).toMatchObject({ status: 1, stdout: '' });
    expect(stranger.stderr).toContain('say who with -user and -password-file');
    expect(await runTool(args, directory, 'm v=1 1')).toMatchObject({ status: 1 });
  } finally {
    removeTempDir(directory);
  }
});

test('the client over gRPC logs in, and may do what was granted', async () => {
  const attempt = async (name: string, password: string) => {
    const user = name === '' ? {} : { user: { name, password } };
    const client = await openClient({ nodes: grpcAddress, discover: false, ...user });
    const code = (work: Promise<unknown>) =>
      work.then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
    const readAll = async () => {
      const q = 'SELECT v FROM grpc';
      for await (const piece of client.query(q, { database: 'mine' })) void piece;
    };
    try {
      return [
        await code(client.write('mine', 'grpc v=1 1')),
        await code(readAll()),
        await code(client.table('mine').put('key', 'value')),
        await code(client.table('mine').get('key')),
      ];
    } finally {
      client.close();
    }
  };
  const [done, no] = ['done', 'forbidden'];
  const as = (name: string) => attempt(name, passwordOf(name));
  expect(await as('owner')).toEqual([done, done, done, done]);
  expect(await as('writer')).toEqual([done, no, done, no]);
  expect(await as('reader')).toEqual([no, done, no, done]);
  expect(await as('stranger')).toEqual([no, no, no, no]);
  // Already when it asks for the nodes.
  for (const [name, password] of [
    ['owner', 'wrong'],
    ['', ''],
  ] as const) {
    await expect(attempt(name, password)).rejects.toMatchObject({ code: 'unauthorized' });
  }
});

test('no password and no secret is in the log, the files or what the server shows', async () => {
  const words = [
    ...new Set(['admin', 'owner', 'reader'].map(passwordOf)),
    oddPassword,
    testSecret,
    'guessed-word',
  ];
  await query('SHOW DATABASES', { params: { u: 'owner', p: 'guessed-word' }, headers: {} });
  await query("CREATE USER extra WITH PASSWORD 'guessed-word'");
  await query("CREATE USER extra PASSWORD 'guessed-word'");
  for (const way of Object.values(loginWays)) await query('SHOW USERS', way('owner'));
  const { params, headers } = loginWays.basic!('admin');
  const shown = await Promise.all(
    ['/info', '/metrics', '/debug/vars'].map((path) => server.request(path, params, { headers })),
  );
  const answers = await Promise.all(
    ['SHOW QUERIES', 'SHOW USERS', 'SHOW DIAGNOSTICS', 'SHOW STATS'].map((q) => query(q)),
  );
  // Files come and go while it runs.
  await server.stop();
  const files = readdirSync(server.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'));
  const texts = [
    server.stdout(),
    server.stderr(),
    ...[...shown, ...answers].map((answer) => answer.text()),
    ...files,
  ];
  for (const word of words) {
    for (const text of texts)
      expect(text.includes(word), `${word} in ${text.slice(0, 80)}`).toBe(false);
  }
});
