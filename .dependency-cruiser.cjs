/**
 * The import table of the tree, checked by machine (ARCHITECTURE.md shows it for people).
 *
 * `layers` lists, per folder of src, which other folders it may import. Everything else here follows
 * from that table: a folder that is missing from it may be imported by nobody and imports nothing.
 */

const layers = {
  base: [],
  env: ['base'],
  model: ['base'],
  lineprotocol: ['base', 'model'],
  influxql: ['base', 'model'],
  scan: ['base', 'model'],
  query: ['base', 'model', 'influxql', 'scan'],
  sqlite: ['base', 'env'],
  rpc: ['base', 'env', 'model'],
  replication: ['base', 'model'],
  tstore: ['base', 'env', 'model', 'scan', 'sqlite'],
  kstore: ['base', 'env', 'model', 'sqlite'],
  metadata: ['base', 'env', 'model', 'sqlite', 'rpc'],
  datanode: [
    'base',
    'env',
    'model',
    'query',
    'sqlite',
    'rpc',
    'replication',
    'scan',
    'tstore',
    'kstore',
    'metadata',
  ],
  broker: [
    'base',
    'env',
    'model',
    'lineprotocol',
    'influxql',
    'query',
    'rpc',
    'metadata',
    'access',
  ],
  access: ['base', 'env', 'model', 'influxql', 'metadata'],
  services: ['base', 'env', 'model', 'broker', 'metadata', 'query', 'access'],
  http: ['base', 'env', 'model', 'broker', 'metadata', 'query', 'access'],
  grpc: ['base', 'env', 'model', 'broker', 'metadata', 'query', 'rpc', 'access'],
};
const names = [...Object.keys(layers), 'node'];

/** Modules with an inside: from elsewhere only the files directly in the folder are visible. */
const closed = [
  'tstore',
  'kstore',
  'datanode',
  'broker',
  'replication',
  'sqlite',
  'http',
  'services',
];

/** One home per vendor: package -> the only folder that may import it. */
const homes = {
  'better-sqlite3': 'src/sqlite/',
  'better-sqlite3-13': 'src/sqlite/',
  fastify: 'src/http/',
  '@fastify/[^/]+': 'src/http/',
  '@grpc/[^/]+': '(src/rpc|client)/',
  etcd3: 'src/metadata/etcd/',
  jose: 'src/access/',
  pino: 'src/env/node/',
  'smol-toml': 'cmd/',
  snappyjs: 'src/http/',
};

const ioModules =
  '^(node:)?(fs|fs/promises|net|http|https|http2|tls|dgram|dns|dns/promises|child_process|cluster|crypto|os|process|timers|timers/promises|perf_hooks|readline|repl|inspector|v8|vm|tty|diagnostics_channel|worker_threads)$';
const ioHomes = '^(src/env/node/|src/sqlite/|src/rpc/|src/http/|cmd/)';

const layerRules = Object.entries(layers).map(([name, allowed]) => ({
  name: `layer-${name}`,
  comment: `src/${name} may import only: ${allowed.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^src/${name}/` },
  to: { path: '^src/', pathNot: `^src/(${[name, ...allowed].join('|')})/` },
}));

const closedRules = closed.map((name) => ({
  name: `inside-${name}`,
  comment: `folders inside src/${name} belong to it; import a file directly in src/${name}`,
  severity: 'error',
  from: { path: '^(src|cmd)/', pathNot: `^src/(${name}|node)/` },
  to: { path: `^src/${name}/[^/]+/` },
}));

const homeRules = Object.entries(homes).map(([vendor, home]) => ({
  name: `home-of-${vendor.replace(/\W+/g, '-')}`,
  comment: `${vendor} is imported only in ${home}`,
  severity: 'error',
  from: { path: '^(src|cmd|client)/', pathNot: `^${home}` },
  to: { path: `^node_modules/(@types/)?${vendor}/` },
}));

module.exports = {
  forbidden: [
    ...layerRules,
    ...closedRules,
    ...homeRules,
    {
      name: 'no-cycle',
      comment: 'modules form a tree of knowledge; a cycle means two files are one thing',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'known-folder',
      comment: 'every file of src lives in a folder of the import table',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${names.join('|')})/` },
      to: {},
    },
    {
      name: 'nothing-imports-the-edges',
      comment: 'cmd, test, bench and scripts are ends: nothing in src may know them',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(cmd|test|bench|scripts)/' },
    },
    {
      name: 'client-knows-messages-only',
      comment:
        'the client is a program of others: of src it has the messages and what they are made of',
      severity: 'error',
      from: { path: '^client/' },
      to: {
        path: '^(src|cmd|test|bench|scripts)/',
        pathNot: '^src/(base/|model/|rpc/(api/|methods\\.ts|status\\.ts))',
      },
    },
    {
      name: 'nothing-imports-the-client',
      severity: 'error',
      from: { path: '^(src|cmd)/' },
      to: { path: '^client/' },
    },
    {
      name: 'cmd-is-not-a-test',
      severity: 'error',
      from: { path: '^cmd/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'one-command-per-folder',
      comment: 'commands have in common how flags are read and how a server is asked, nothing else',
      severity: 'error',
      from: { path: '^cmd/([^/]+)/' },
      to: { path: '^cmd/', pathNot: '^cmd/($1|flags|client)/' },
    },
    {
      name: 'flags-know-no-server',
      severity: 'error',
      from: { path: '^cmd/flags/' },
      to: { path: '^cmd/client/' },
    },
    {
      name: 'env-insides',
      comment: 'modules know env.ts; only cmd and worker entry files build the real world',
      severity: 'error',
      from: { path: '^src/', pathNot: '^(src/env/|src/.*-worker\\.ts$)' },
      to: { path: '^src/env/(node|sim)/' },
    },
    {
      name: 'real-and-simulated-apart',
      severity: 'error',
      from: { path: '^src/env/(node|sim)/' },
      to: { path: '^src/env/(node|sim)/', pathNot: '^src/env/$1/' },
    },
    {
      name: 'io-only-at-home',
      comment: 'the world comes in as env; node: I/O modules belong to env/node and vendor homes',
      severity: 'error',
      from: { path: '^src/', pathNot: `${ioHomes}|^src/datanode/` },
      to: { dependencyTypes: ['core'], path: ioModules },
    },
    {
      name: 'datanode-only-threads',
      comment: 'the data node may start threads, but no other I/O',
      severity: 'error',
      from: { path: '^src/datanode/' },
      to: {
        dependencyTypes: ['core'],
        path: ioModules,
        pathNot: '^(node:)?worker_threads$',
      },
    },
    {
      name: 'resolvable',
      comment:
        'the other release of SQLite is not there: src/sqlite/driver.ts loads the one for this Node.js',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^better-sqlite3(-13)?$' },
    },
    {
      name: 'no-dev-dependency-at-run-time',
      severity: 'error',
      from: { path: '^(src|cmd|client)/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types', 'typings'],
    },
  },
};
