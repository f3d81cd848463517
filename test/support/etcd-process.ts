/**
 * A real etcd (Debian package `etcd-server`): free loopback ports that it keeps over restarts, a temporary
 * directory, and everything that can happen to one: kill, pause, wipe, restore from a backup.
 */

import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from './free-port.ts';
import { httpRequest } from './http-client.ts';
import { type ServerProcess, startServer, waitUntilReady } from './server-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

const run = promisify(execFile);
const folders = ['/usr/bin', '/usr/sbin', '/usr/local/bin'];
const etcd = folders.map((folder) => `${folder}/etcd`).find(existsSync);
const etcdctl = folders.map((folder) => `${folder}/etcdctl`).find(existsSync);
/** Another process may take a port between finding and binding it. */
const startAttempts = 3;

/** False where the packages are missing; suites that need them are skipped then. */
export const etcdInstalled = etcd !== undefined && etcdctl !== undefined;

export interface EtcdProcess {
  readonly url: string;
  /** Resolves when it answers. */
  start(): Promise<void>;
  /** Gone without a word. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** What it knew is gone; it must not run. */
  wipe(): void;
  saveSnapshot(file: string): Promise<void>;
  /** Replaces what it knew; it must not run. */
  restoreSnapshot(file: string): Promise<void>;
  ctl(...args: string[]): Promise<string>;
  /** Stops it and removes its directory. */
  cleanUp(): Promise<void>;
}

class RealEtcd implements EtcdProcess {
  readonly url: string;
  readonly #peerUrl: string;
  readonly #healthUrl: string;
  readonly #extra: readonly string[];
  readonly #directory = makeTempDir('etcd');
  #server: ServerProcess | undefined;

  constructor([port, peerPort, healthPort]: readonly number[], extra: readonly string[]) {
    const isSecure = extra.some((flag) => flag.startsWith('--cert-file'));
    this.url = `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`;
    this.#peerUrl = `http://127.0.0.1:${peerPort}`;
    this.#healthUrl = `http://127.0.0.1:${healthPort}`;
    this.#extra = extra;
  }

  async start(): Promise<void> {
    if (etcd === undefined) throw new Error('etcd is missing: apt-get install etcd-server');
    const flags = {
      'data-dir': join(this.#directory, 'data'),
      'listen-client-urls': this.url,
      'advertise-client-urls': this.url,
      'listen-peer-urls': this.#peerUrl,
      'initial-advertise-peer-urls': this.#peerUrl,
      'initial-cluster': `default=${this.#peerUrl}`,
      // Health in plain text, whatever clients must show.
      'listen-metrics-urls': this.#healthUrl,
      'log-level': 'error',
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    const server = startServer(etcd, [...args, ...this.#extra]);
    this.#server = server;
    await waitUntilReady(server, async () => {
      const { status } = await httpRequest(`${this.#healthUrl}/health`, { timeoutMs: 2_000 });
      return status === 200;
    });
  }

  async kill(): Promise<void> {
    await this.#server?.stop('SIGKILL');
  }

  pause(): void {
    this.#server?.send('SIGSTOP');
  }

  resume(): void {
    this.#server?.send('SIGCONT');
  }

  wipe(): void {
    rmSync(join(this.#directory, 'data'), { recursive: true, force: true });
  }

  async saveSnapshot(file: string): Promise<void> {
    await this.ctl('snapshot', 'save', file);
  }

  async restoreSnapshot(file: string): Promise<void> {
    this.wipe();
    const data = join(this.#directory, 'data');
    const members = ['--initial-cluster', `default=${this.#peerUrl}`];
    const own = ['--initial-advertise-peer-urls', this.#peerUrl];
    await this.ctl('snapshot', 'restore', file, '--data-dir', data, ...members, ...own);
  }

  async ctl(...args: string[]): Promise<string> {
    if (etcdctl === undefined) throw new Error('etcdctl is missing: apt-get install etcd-client');
    const { stdout } = await run(etcdctl, ['--endpoints', this.url, ...args], {
      env: { ...process.env, ETCDCTL_API: '3' },
    });
    return stdout;
  }

  async cleanUp(): Promise<void> {
    this.resume();
    await this.#server?.stop('SIGKILL');
    removeTempDir(this.#directory);
  }
}

/** Started and answering. `extra`: flags of etcd. */
export async function startEtcd(extra: readonly string[] = []): Promise<EtcdProcess> {
  for (let attempt = 1; ; attempt++) {
    const ports = await Promise.all([findFreePort(), findFreePort(), findFreePort()]);
    const made = new RealEtcd(ports, extra);
    try {
      await made.start();
      return made;
    } catch (error) {
      await made.cleanUp();
      if (attempt === startAttempts) throw error;
    }
  }
}
