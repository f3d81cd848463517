/**
 * Test servers: a real InfluxDB to compare with, etcd for the cluster tests.
 *
 * Installed from Debian packages when this runs as root. Their services are never started: the
 * tests start servers of their own, on free ports and in temporary directories.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const packages = {
  influxdb: 'influxd',
  'influxdb-client': 'influx',
  'etcd-server': 'etcd',
  'etcd-client': 'etcdctl',
};
const policyFile = '/usr/sbin/policy-rc.d';

function say(line) {
  process.stderr.write(`test servers: ${line}\n`);
}

function isOnPath(program) {
  const folders = `${process.env.PATH ?? ''}:/usr/sbin:/usr/bin`.split(':');
  return folders.some((folder) => folder !== '' && existsSync(`${folder}/${program}`));
}

function aptGet(args) {
  const child = spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
  return { ok: child.status === 0, output: `${child.stdout ?? ''}${child.stderr ?? ''}` };
}

/** Runs `install` while Debian's own switch forbids packages to start their services. */
function withServicesForbidden(install) {
  const ours = !existsSync(policyFile);
  if (ours) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    if (ours) rmSync(policyFile, { force: true });
  }
}

function install(missing) {
  const args = ['install', '-y', '--no-install-recommends', ...missing];
  const first = aptGet(args);
  if (first.ok) return first;
  aptGet(['update']);
  return aptGet(args);
}

export function installServers() {
  const missing = Object.keys(packages).filter((name) => !isOnPath(packages[name]));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !isOnPath('apt-get')) {
    say(`tests against real servers need: apt-get install ${missing.join(' ')} (as root)`);
    return;
  }
  say(`installing ${missing.join(' ')}`);
  const { ok, output } = withServicesForbidden(() => install(missing));
  if (!ok) say(`cannot install ${missing.join(' ')}: ${output.trim().slice(-400)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) installServers();
