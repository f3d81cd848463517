/**
 * `npm run cluster`: an etcd and three nodes on loopback, to try things out. Data is kept between runs;
 * Ctrl-C stops everything. `-- --dir DIR` puts the data elsewhere, `-- --nodes N` starts another number.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { etcdPackages, installServers } from './install-servers.mjs';
import { root, setup } from './setup.mjs';

const host = '127.0.0.1';
const nodesMax = 9;
const portStep = 10;
const ports = { http: 7086, grpc: 7087, etcd: 7079, etcdPeer: 7080 };
const readyPatienceMs = 60_000;
const stopPatienceMs = 20_000;
const pollMs = 100;

const { values } = parseArgs({
  options: { dir: { type: 'string' }, nodes: { type: 'string', default: '3' } },
});
const nodeCount = Number(values.nodes);
const dataHome = process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
const directory = values.dir ?? join(dataHome, 'citadel-cluster');

/** In the order they were started. */
const children = [];
let stopping = false;

function say(line) {
  process.stderr.write(`cluster: ${line}\n`);
}

function fail(line) {
  say(line);
  process.exitCode = 1;
  void stopAll();
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Output of a child goes to the terminal, each line with its name. */
function forward(name, stream) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) process.stderr.write(`${name.padEnd(6)} ${line}\n`);
  });
}

function start(name, command, args, show) {
  // A group of its own: Ctrl-C reaches this script alone, which then stops them in order.
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const exited = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `status ${code}`));
  });
  children.push({ name, child, exited });
  if (show) {
    forward(name, child.stdout);
    forward(name, child.stderr);
  } else {
    child.stdout.resume();
    child.stderr.resume();
  }
  void exited.then((how) => {
    if (!stopping) fail(`${name} ended (${how}); stopping the rest`);
  });
}

async function stopAll() {
  if (stopping) return;
  stopping = true;
  say('stopping');
  for (const { child, exited } of [...children].reverse()) {
    child.kill('SIGTERM');
    const late = sleep(stopPatienceMs).then(() => child.kill('SIGKILL'));
    await Promise.race([exited, late]);
  }
  process.exit();
}

async function waitFor(url, name) {
  const deadline = Date.now() + readyPatienceMs;
  while (Date.now() < deadline && !stopping) {
    try {
      const { ok } = await fetch(url);
      if (ok) return true;
    } catch {
      // Not there yet.
    }
    await sleep(pollMs);
  }
  if (!stopping) fail(`${name} is not ready after ${readyPatienceMs / 1000} s`);
  return false;
}

function startEtcd() {
  const client = `http://${host}:${ports.etcd}`;
  const peer = `http://${host}:${ports.etcdPeer}`;
  start('etcd', 'etcd', [
    ...['--name', 'e1', '--data-dir', join(directory, 'etcd'), '--logger', 'zap'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `e1=${peer}`],
  ]);
  return client;
}

function startNode(number, etcdUrl) {
  const http = `${host}:${ports.http + portStep * number}`;
  const grpc = `${host}:${ports.grpc + portStep * number}`;
  start(
    `node${number + 1}`,
    process.execPath,
    [
      join(root, 'bin/citadel'),
      ...['-db', join(directory, `node${number + 1}`), '-http', http, '-grpc', grpc],
      ...['-kvstore', etcdUrl, '-log-format', 'text', '-memory', '10%'],
    ],
    true,
  );
  return `http://${http}`;
}

function renderHints([first, second = first]) {
  return `
A cluster of ${nodeCount} nodes is ready; its data is in ${directory}

  curl -X POST '${first}/create?db=mydb'
  curl -X POST '${first}/write?db=mydb' --data-binary 'cpu,host=a load=0.5'
  curl -G '${second}/query?db=mydb' --data-urlencode 'q=SELECT * FROM cpu'     (any node answers)

  bin/citadel nodes                       who is there
  bin/citadel shards                      where the copies are
  bin/ctchecker -write -check -tstore -count 1000 -rate 500 -url ${first},${second}
  bin/citadel verify                      compare all copies

Kill a node (kill -9) while ctchecker runs: nothing is lost. Ctrl-C stops everything.

`;
}

async function main() {
  if (!(nodeCount >= 1 && nodeCount <= nodesMax)) {
    say(`--nodes must be 1 to ${nodesMax}`);
    process.exitCode = 2;
    return;
  }
  setup();
  const isInstalled = ['/usr/bin/etcd', '/usr/local/bin/etcd'].some(existsSync);
  if (!isInstalled) installServers(etcdPackages);
  mkdirSync(directory, { recursive: true });
  process.on('SIGINT', () => void stopAll());
  process.on('SIGTERM', () => void stopAll());
  const etcdUrl = startEtcd();
  if (!(await waitFor(`${etcdUrl}/health`, 'etcd'))) return;
  const urls = Array.from({ length: nodeCount }, (_, number) => startNode(number, etcdUrl));
  for (const [number, url] of urls.entries()) {
    if (!(await waitFor(`${url}/health`, `node${number + 1}`))) return;
  }
  process.stderr.write(renderHints(urls));
}

await main();
