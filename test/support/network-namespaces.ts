/**
 * A network of its own for a test: every host is a network namespace on one bridge, and each direction
 * between two hosts can be cut by itself. Nothing of the machine's own network is touched.
 *
 * A cut sends packets to a hardware address that nobody has: they vanish without an error, as in a broken
 * switch; connections stay open. Needs root (or the right to make namespaces) and `ip` of iproute2.
 */

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const relayScript = fileURLToPath(new URL('./relay-process.ts', import.meta.url));
const nowhere = '02:00:00:00:ff:ff';
let networks = 0;

export interface Network {
  addressOf(host: string): string;
  /** The command line that runs a program on this host. */
  on(host: string, program: string, args: readonly string[]): readonly [string, readonly string[]];
  /** What `from` sends no longer reaches `to`; the other direction goes on. */
  cut(from: string, to: string): Promise<void>;
  /** Every cut ends. */
  heal(): Promise<void>;
  /** A URL outside that leads to a port inside, as seen from the host `client`. */
  relay(host: string, port: number): Promise<string>;
  close(): Promise<void>;
}

function tryNamespaces(): boolean {
  const name = `ctry${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0;
  const bridged =
    made &&
    spawnSync('ip', ['-n', name, 'link', 'add', 'br0', 'type', 'bridge']).status === 0 &&
    spawnSync('ip', ['-n', name, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'v1']).status === 0;
  if (made) spawnSync('ip', ['netns', 'del', name]);
  return bridged;
}

/** False without the rights or the tools; suites that need them are skipped then. */
export const namespacesAvailable = tryNamespaces();

class NamespaceNetwork implements Network {
  readonly #hosts: readonly string[];
  readonly #prefix = `ct${process.pid}n${networks++}`;
  readonly #cuts = new Set<string>();
  #relay: ChildProcess | undefined;

  constructor(hosts: readonly string[]) {
    this.#hosts = [...hosts, 'client'];
  }

  #spaceOf(host: string): string {
    return `${this.#prefix}-${host}`;
  }

  #numberOf(host: string): number {
    const index = this.#hosts.indexOf(host);
    if (index === -1) throw new Error(`no host ${host}`);
    return index + 1;
  }

  #hardwareOf(host: string): string {
    return `02:00:00:00:00:${this.#numberOf(host).toString(16).padStart(2, '0')}`;
  }

  addressOf(host: string): string {
    return `10.83.0.${this.#numberOf(host)}`;
  }

  async #ip(host: string, command: string): Promise<void> {
    await run('ip', ['-n', this.#spaceOf(host), ...command.split(' ')]);
  }

  #point(from: string, to: string, hardware: string): Promise<void> {
    const address = this.addressOf(to);
    return this.#ip(from, `neigh replace ${address} lladdr ${hardware} dev eth0 nud permanent`);
  }

  async open(): Promise<void> {
    await run('ip', ['netns', 'add', this.#spaceOf('hub')]);
    await this.#ip('hub', 'link add br0 type bridge');
    await this.#ip('hub', 'link set br0 up');
    for (const host of this.#hosts) {
      const port = `p${this.#numberOf(host)}`;
      await run('ip', ['netns', 'add', this.#spaceOf(host)]);
      await this.#ip('hub', `link add ${port} type veth peer eth0 netns ${this.#spaceOf(host)}`);
      await this.#ip('hub', `link set ${port} master br0 up`);
      await this.#ip(host, `link set eth0 address ${this.#hardwareOf(host)}`);
      await this.#ip(host, `addr add ${this.addressOf(host)}/24 dev eth0`);
      await this.#ip(host, 'link set eth0 up');
      await this.#ip(host, 'link set lo up');
    }
    for (const from of this.#hosts) {
      const others = this.#hosts.filter((host) => host !== from);
      for (const to of others) await this.#point(from, to, this.#hardwareOf(to));
    }
  }

  on(host: string, program: string, args: readonly string[]) {
    return ['ip', ['netns', 'exec', this.#spaceOf(host), program, ...args]] as const;
  }

  async cut(from: string, to: string): Promise<void> {
    await this.#point(from, to, nowhere);
    this.#cuts.add(`${from} ${to}`);
  }

  async heal(): Promise<void> {
    for (const cut of this.#cuts) {
      const [from = '', to = ''] = cut.split(' ');
      await this.#point(from, to, this.#hardwareOf(to));
    }
    this.#cuts.clear();
  }

  async relay(host: string, port: number): Promise<string> {
    if (this.#relay === undefined) {
      const [program, args] = this.on('client', process.execPath, ['--import', 'tsx', relayScript]);
      this.#relay = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    }
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port: near } = server.address() as AddressInfo;
    const answered = once(this.#relay, 'message');
    this.#relay.send({ host: this.addressOf(host), port }, server);
    await answered;
    server.close();
    return `http://127.0.0.1:${near}`;
  }

  /** Programs in it must have ended. */
  removeNow(): void {
    this.#relay?.kill('SIGKILL');
    this.#relay = undefined;
    for (const host of ['hub', ...this.#hosts])
      spawnSync('ip', ['netns', 'del', this.#spaceOf(host)]);
    alive.delete(this);
  }

  async close(): Promise<void> {
    const relay = this.#relay;
    if (relay !== undefined) {
      const gone = once(relay, 'exit');
      relay.kill('SIGKILL');
      await gone;
    }
    this.removeNow();
  }
}

const alive = new Set<NamespaceNetwork>();

process.on('exit', () => {
  for (const network of alive) network.removeNow();
});

/** Hosts by name; `client` is one more, whose links are never cut unless asked. */
export async function openNetwork(hosts: readonly string[]): Promise<Network> {
  const network = new NamespaceNetwork(hosts);
  alive.add(network);
  await network.open();
  return network;
}
