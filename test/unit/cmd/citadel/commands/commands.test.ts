/**
 * Goal: tables say what is wrong and the exit status agrees. Method: a server that answers /info and
 * /cluster/verify with given facts; the commands run against it as they would against a node.
 */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { CommandError } from '../../../../../cmd/citadel/commands/command-error.ts';
import { runCommand } from '../../../../../cmd/citadel/commands/commands.ts';
import { UsageError } from '../../../../../cmd/flags/usage-error.ts';
import { makeTempDir, removeTempDir } from '../../../../support/temp-dir.ts';

let server: Server | undefined;

afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
  server = undefined;
});

async function serve(answers: Readonly<Record<string, string>>): Promise<string> {
  server = createServer((request, response) => {
    const body = answers[request.url ?? ''];
    response.writeHead(body === undefined ? 503 : 200).end(body ?? 'not now');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function run(args: readonly string[]) {
  const texts: string[] = [];
  const out = (text: string) => void texts.push(text);
  const status = await runCommand(args, { out, err: () => undefined, isTerminal: false });
  return { status, out: texts.join('') };
}

const copy = {
  role: 'secondary',
  state: 'active',
  lagEntries: 0,
  series: 3,
  diskBytes: 2048,
  faults: [],
};

function infoWith(copies: readonly object[]) {
  const shard = { shard: 0, epoch: 4, primary: 'aaaaaaaa-1', degraded: false, copies };
  const node = {
    uuid: 'aaaaaaaa-1',
    state: 'ok',
    problem: '',
    httpUrl: 'http://a:1',
    zone: 'z',
    shards: 1,
    primaries: 1,
    memoryBytes: 1024,
    storeBytes: 1024,
    logBytes: 512,
    diskFreeBytes: 3 * 2 ** 30,
  };
  const lost = { ...node, uuid: 'bbbbbbbb-2', state: 'unreachable', problem: 'no answer' };
  return JSON.stringify({ nodes: [node, lost], shards: { tstore: [shard], kstore: [] } });
}

test('who asks is said, and asked for where it is missing', async () => {
  const directory = makeTempDir('login');
  const file = join(directory, 'password');
  writeFileSync(file, 'p w:1\n');
  const expected = `Basic ${Buffer.from('ann:p w:1').toString('base64')}`;
  server = createServer((request, response) => {
    const isAnn = request.headers.authorization === expected;
    response.writeHead(isAnn ? 200 : 401).end(isAnn ? infoWith([]) : '{"error":"who?"}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { out } = await run(['nodes', '-url', url, '-user', 'ann', '-password-file', file]);
  expect(out).toContain('aaaaaaaa  ok ');
  await expect(run(['nodes', '-url', url])).rejects.toThrow(/401 .*-user and -password-file/);
  removeTempDir(directory);
});

test('nodes: one that does not answer is named and the status says so', async () => {
  const url = await serve({ '/info': infoWith([]) });
  const { status, out } = await run(['nodes', '-url', url]);
  expect(status).toBe(1);
  expect(out).toContain('aaaaaaaa  ok ');
  expect(out).toContain('bbbbbbbb  unreachable: no answer');
  expect(out).toContain('1.5 KiB');
});

test('shards: the primary has a star, a copy that is behind is said', async () => {
  const late = { ...copy, node: 'bbbbbbbb-2', state: 'catching-up', lagEntries: 7 };
  const url = await serve({
    '/info': infoWith([{ ...copy, node: 'aaaaaaaa-1', role: 'primary' }, late]),
  });
  const { status, out } = await run(['shards', `--url=${url}/`]);
  expect(status).toBe(1);
  expect(out).toContain('tstore      0      4  aaaaaaaa* bbbbbbbb (catching-up, 7 behind)');
});

test('shards: status 0 when every copy is well', async () => {
  const url = await serve({
    '/info': infoWith([{ ...copy, node: 'aaaaaaaa-1', role: 'primary' }]),
  });
  expect((await run(['shards', '-url', url])).status).toBe(0);
  const { out } = await run(['shards', '-json', '-url', url]);
  expect(JSON.parse(out).tstore[0].copies[0].role).toBe('primary');
});

test('verify: differences are named', async () => {
  const digest = `${'0'.repeat(15)}8${'0'.repeat(15)}2`;
  const replicas = [{ node: 'aaaaaaaa-1', cells: 5, digest, problem: '' }];
  const lines = [
    { kind: 'tstore', shard: 0, verdict: 'equal', replicas, differences: [] },
    { kind: 'tstore', shard: 1, verdict: 'different', replicas, differences: ['d/r/0'] },
  ];
  const url = await serve({
    '/cluster/verify': lines.map((l) => `${JSON.stringify(l)}\n`).join(''),
  });
  const { status, out } = await run(['verify', '-url', url]);
  expect(status).toBe(1);
  expect(out).toBe(
    'tstore shard 1 is different: aaaaaaaa has 5 cells; differs in d/r/0\n1 of 2 shards have equal copies (10 cells, digest 00000000000000100000000000000004)\n',
  );
});

test('mistakes and refusals are one clear line', async () => {
  const url = await serve({});
  await expect(run(['nodes', '-url', url])).rejects.toThrow(
    new CommandError(`cannot ask ${url}: it answered 503 not now`),
  );
  await expect(run(['nodes', '-url', 'http://127.0.0.1:1'])).rejects.toThrow(
    /^cannot reach http:.*: .+; say where with -url$/,
  );
  await expect(run(['node'])).rejects.toThrow(UsageError);
  await expect(run(['node'])).rejects.toThrow(
    /^unknown command "node"; did you mean nodes\? \(commands: nodes, shards, .*export, import/,
  );
  await expect(run(['nodes', '-url', 'ftp://x'])).rejects.toThrow('bad value "ftp://x" for -url');
  await expect(run(['constructor'])).rejects.toThrow('unknown command');
});

const changes = [
  { kind: 'tstore', shard: 3, node: 'aaaaaaaa-1', change: 'remove', bytes: 2048 },
  { kind: 'tstore', shard: 3, node: 'bbbbbbbb-2', change: 'add', bytes: 2048 },
  { kind: 'kstore', shard: 0, node: 'bbbbbbbb-2', change: 'add', bytes: 1024 },
];

test('a dry run lists which copy goes from where to where, and its size', async () => {
  const answer = JSON.stringify({ dryRun: true, changes, balancing: '' });
  const url = await serve({ '/cluster/rebalance?by=load&dry-run=true': answer });
  const { status, out } = await run(['rebalance', '-by', 'load', '-dry-run', '-url', url]);
  expect(status).toBe(0);
  expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['KIND', 'SHARD', 'FROM', 'TO', 'SIZE'],
    ['tstore', '', '3', 'aaaaaaaa', 'bbbbbbbb', '2.0 KiB'].filter((text) => text !== ''),
    ['kstore', '', '0', '-', 'bbbbbbbb', '1.0 KiB'].filter((text) => text !== ''),
    [''],
    ['NODE', 'COPIES TO MAKE', 'COPIES TO GIVE UP', 'SIZE TO COPY'],
    ['aaaaaaaa', '0', '1', '0 B'],
    ['bbbbbbbb', '2', '0', '3.0 KiB'],
    [''],
  ]);
});

test('a change that is watched says how far it is, and ends when nothing is left', async () => {
  const plans = [changes, changes.slice(0, 1), []].map((left) =>
    JSON.stringify({ dryRun: true, changes: left, balancing: left.length > 0 ? 'load' : '' }),
  );
  server = createServer((request, response) => {
    const isPlan = request.url === '/cluster/plan';
    response.end(isPlan ? plans.shift() : JSON.stringify({ dryRun: false, changes }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const said: string[] = [];
  const io = { out: () => undefined, err: (text: string) => void said.push(text) };
  const args = ['rebalance', '-watch', '-url', url];
  expect(await runCommand(args, { ...io, isTerminal: false })).toBe(0);
  expect(said).toEqual([
    '0 of 3 steps done, 3.0 KiB left to copy\n',
    '2 of 3 steps done, 0 B left to copy\n',
    'done\n',
  ]);
});

test('what to rebalance by is one of two words', async () => {
  await expect(run(['rebalance', '-by', 'size'])).rejects.toThrow(UsageError);
});
