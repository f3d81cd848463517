/**
 * Servers and clients that tests need: a real InfluxDB to compare with, etcd for the cluster tests, the
 * clients that people use.
 *
 * `test-packages.json` lists them: Debian package -> programs (or files) by which it is known to be there.
 * Installed when this runs as root. Their services are never started: the tests start servers of their
 * own, on free ports and in temporary directories.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const packages = JSON.parse(readFileSync(new URL('test-packages.json', import.meta.url), 'utf8'));
/** What a first `npm run cluster` needs. */
export const etcdPackages = ['etcd-server', 'etcd-client'];
const policyFile = '/usr/sbin/policy-rc.d';

function say(line) {
  process.stderr.write(`test servers: ${line}\n`);
}

function isThere(program) {
  if (program.startsWith('/')) return existsSync(program);
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

function aptInstall(names) {
  return aptGet(['install', '-y', '--no-install-recommends', ...names]);
}

function install(missing) {
  const first = aptInstall(missing);
  if (first.ok) return first;
  aptGet(['update']);
  const second = aptInstall(missing);
  if (second.ok || missing.length === 1) return second;
  // One that cannot be had must not keep the others away.
  const each = missing.map((name) => aptInstall([name]));
  return { ok: each.every(({ ok }) => ok), output: each.map(({ output }) => output).join('') };
}

export function installServers(names = Object.keys(packages)) {
  const missing = names.filter((name) => !packages[name].every(isThere));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !isThere('apt-get')) {
    say(`tests against real servers need: apt-get install ${missing.join(' ')} (as root)`);
    return;
  }
  say(`installing ${missing.join(' ')}`);
  const { ok, output } = withServicesForbidden(() => install(missing));
  if (!ok) say(`cannot install ${missing.join(' ')}: ${output.trim().slice(-400)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) installServers();
