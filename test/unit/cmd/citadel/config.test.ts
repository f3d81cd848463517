/** Where settings come from, which source wins, and what a wrong one is answered with. */

import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { type CitadelConfig, readConfig } from '../../../../cmd/citadel/config.ts';
import { renderHelp } from '../../../../cmd/citadel/help.ts';
import { environmentName, settingNames } from '../../../../cmd/citadel/settings.ts';
import { UsageError } from '../../../../cmd/flags/usage-error.ts';

interface World {
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
}

function machineWith(env: Record<string, string> = {}) {
  return { env: { HOME: '/home/ann', ...env }, memoryBytes: 8 * 2 ** 30, cores: 4 };
}

function read(args: readonly string[], world: World = {}) {
  return readConfig({
    args,
    machine: machineWith(world.env),
    version: '0.1.0',
    isTerminal: false,
    readFile: (path) => {
      const text = world.files?.[path];
      if (text === undefined) throw new Error(`no such file: ${path}`);
      return text;
    },
  });
}

function readOk(args: readonly string[], world: World = {}): CitadelConfig {
  const config = read(args, world);
  if (typeof config === 'string') throw new Error(`expected a configuration, got ${config}`);
  return config;
}

test('without any setting the defaults hold', () => {
  expect(readOk([])).toEqual({
    node: {
      dataDir: '/home/ann/.local/share/citadel',
      http: { host: '127.0.0.1', port: 7086 },
      grpc: { host: '127.0.0.1', port: 7087, isAsked: false },
      cluster: undefined,
      consistency: 'auto',
      uuid: '',
      shardCount: undefined,
      fsync: 'always',
      fsyncIntervalMs: 1000,
      memoryBytes: 2 * 2 ** 30,
      maxBodyBytes: 25_000_000,
      care: {
        scrubIntervalMs: 86_400_000,
        scrubBytesPerSecond: 2 ** 24,
        compareIntervalMs: 3_600_000,
      },
      threads: 2,
      limits: {
        queryTimeoutMs: 0,
        maxSelectPoint: 0,
        maxSelectSeries: 0,
        maxSelectBuckets: 0,
        maxConcurrentQueries: 0,
        queryMemoryBytes: 2 ** 29,
        queriesMemoryBytes: 2 ** 30,
      },
      services: {
        continuousQueries: { enabled: true, runIntervalMs: 1000 },
        subscriptions: { logBytesMax: 2 ** 30 },
        udp: undefined,
        graphite: undefined,
      },
      access: {
        isEnabled: false,
        asksAtPing: false,
        sharedSecret: '',
        allowChangesByGet: false,
      },
      version: '0.1.0',
    },
    log: { level: 'info', format: 'json' },
    warnings: [],
  });
});

test('XDG_DATA_HOME moves the data directory', () => {
  expect(readOk([], { env: { XDG_DATA_HOME: '/data' } }).node.dataDir).toBe('/data/citadel');
});

test('flag wins over environment, environment over file, file over default', () => {
  const files = { 'c.toml': 'shards = 1\nthreads = 3\nfsync = "never"\nmax-body-size = 5' };
  const env = { CITADEL_SHARDS: '2', CITADEL_THREADS: '4', CITADEL_CONFIG: 'c.toml' };
  const { node } = readOk(['-shards', '8', '-shards', '4'], { env, files });
  expect(node.shardCount).toBe(4);
  expect(node.threads).toBe(4);
  expect(node.fsync).toBe('never');
  expect(node.maxBodyBytes).toBe(5);
});

/** Any text will do for these. */
const freeTexts = new Set<string>([
  'db',
  'kvstore-user',
  'kvstore-password-file',
  'kvstore-ca',
  'kvstore-cert',
  'kvstore-key',
  'shared-secret-file',
  'udp-database',
  'udp-retention-policy',
  'graphite-database',
  'graphite-retention-policy',
  'graphite-separator',
  'graphite-templates',
]);

test('every setting can be given in all three ways', () => {
  for (const name of settingNames) {
    const bad = 'n\u00f6 such value!';
    const quoted = JSON.stringify(bad);
    const files = { f: `${name} = ${quoted}` };
    if (freeTexts.has(name)) continue;
    expect(() => read([`-${name}`, bad])).toThrow(`bad value ${quoted} for -${name}: expected`);
    expect(() => read([], { env: { [environmentName(name)]: bad } })).toThrow(
      environmentName(name),
    );
    expect(() => read(['-config', 'f'], { files })).toThrow(`for ${name} in f: expected`);
  }
});

test('an empty variable counts as not set', () => {
  expect(readOk([], { env: { CITADEL_HTTP: '', CITADEL_CONFIG: '' } }).node.http.port).toBe(7086);
});

test('0 as body size means no limit', () => {
  expect(readOk(['-max-body-size', '0']).node.maxBodyBytes).toBe(Number.MAX_SAFE_INTEGER);
});

test.each(['0', '3', '8192', '-4', 'x'])('%s shards are refused', (text) => {
  expect(() => read([`-shards=${text}`])).toThrow('expected a power of two, 1 to 4096');
});

test('with etcd URLs the node is one of a cluster, secrets come from files', () => {
  const args = ['-kvstore', 'http://a:2379,https://b:2379', '-grpc', ':7097', '-lease=3s'];
  const files = { [resolve('secret')]: 'hush\n' };
  const { node } = readOk([...args, '-kvstore-user=u', '-kvstore-password-file=secret'], { files });
  expect(node.cluster).toEqual({
    name: 'default',
    etcd: {
      urls: ['http://a:2379', 'https://b:2379'],
      user: 'u',
      password: 'hush',
      ca: '',
      cert: '',
      key: '',
    },
    rpc: { host: '', port: 7097, snapshotPort: 0 },
    url: '',
    zone: '',
    replicationFactor: 2,
    leaseTtlMs: 3000,
    replaceAfterMs: 600_000,
  });
  expect(() => read([...args, '-kvstore-ca=ca.pem'])).toThrow(
    'cannot read the file of -kvstore-ca: no such file',
  );
  expect(() => read([...args, '-kvstore-cert=c.pem'])).toThrow('-kvstore-key go together');
});

test('listeners are off until they have an address; templates are a list in a file', () => {
  expect(readOk([]).node.services).toMatchObject({ udp: undefined, graphite: undefined });
  const files = {
    f: 'udp = ":8089"\nudp-precision = "ms"\ngraphite = "127.0.0.1:2003"\ngraphite-templates = ["a.* b.measurement x=1,y=2", "measurement*"]',
  };
  const batch = { size: 5_000, pending: 10, timeoutMs: 1_000 };
  const { udp, graphite } = readOk(['-config', 'f', '-graphite-tags', 'a=1,b=2'], { files }).node
    .services;
  expect(udp).toEqual({
    host: '',
    port: 8089,
    database: 'udp',
    policy: '',
    precision: 'ms',
    batch,
    readBufferBytes: 0,
  });
  expect(graphite).toEqual({
    host: '127.0.0.1',
    port: 2003,
    protocol: 'tcp',
    database: 'graphite',
    policy: '',
    separator: '.',
    tags: ['a=1', 'b=2'],
    templates: ['a.* b.measurement x=1,y=2', 'measurement*'],
    batch,
    readBufferBytes: 0,
  });
  const flag = readOk([
    '-graphite=:1',
    '-graphite-templates',
    'a.* b.measurement x=1,y=2; measurement*',
  ]);
  expect(flag.node.services.graphite?.templates).toEqual(graphite?.templates);
});

test.each([
  ['10.0.0.1:7087', 'http://10.0.0.1:7087'],
  ['grpc://n1:1', 'http://n1:1'],
  ['http://[::1]:80/', 'http://[::1]:80'],
])('-url %s is %s', (text, url) => {
  expect(readOk(['-kvstore=http://e:1', '-url', text]).node.cluster?.url).toBe(url);
});

test('unknown keys and bad files are refused in one line', () => {
  const files = { a: 'treads = 2', b: 'threads = = 2', c: '[threads]\nn = 2' };
  expect(() => read(['-config', 'a'], { files })).toThrow(
    new UsageError('unknown key "treads" in a; did you mean threads?'),
  );
  expect(() => read(['-config', 'b'], { files })).toThrow(/^cannot read b, line 1: [^\n]+$/);
  expect(() => read(['-config', 'c'], { files })).toThrow('bad value for threads in c');
  expect(() => read(['-config', 'd'])).toThrow('cannot read the configuration file: no such file');
});

test('a misspelled variable is a warning, not an error', () => {
  expect(readOk([], { env: { CITADEL_TREADS: '2' } }).warnings).toEqual([
    'unknown variable CITADEL_TREADS is ignored; did you mean CITADEL_THREADS?',
  ]);
});

test('help and version win over the rest, and help names everything', () => {
  expect(read(['-db', '', '--help'])).toBe('help');
  expect(read(['-version'])).toBe('version');
  const help = renderHelp(machineWith());
  for (const name of settingNames) expect(help).toContain(`  -${name} `);
  expect(help.split('\n').filter((line) => line.length > 100)).toEqual([]);
});

test('the configuration cannot be changed', () => {
  const { node } = readOk([]);
  expect(Object.isFrozen(node) && Object.isFrozen(node.http) && Object.isFrozen(node.limits)).toBe(
    true,
  );
});
