/**
 * `npm run long -- NAME [amount]`: a test of `npm test` at length. Without a name: what there is.
 *
 * Each prints its seed; the environment variables that its test file names repeat a seed or bound the time.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

const exitUsage = 2;
const minuteMs = 60_000;

/**
 * `settings` makes the environment of a run from the amount; with `isMinutes` the amount is how long passes are
 * repeated, `settings` gets the number of the pass, and the first pass that fails ends the run.
 */
const longTests = {
  kill: {
    about: 'kill -9 of one node under load',
    amount: 500,
    unit: 'rounds',
    files: ['test/chaos/kill.test.ts', '-t', 'kills under load'],
    settings: (rounds) => ({ TEST_KILL_ROUNDS: rounds }),
  },
  'power-cut': {
    about:
      'power cuts: of a single node, of one of three, of all three at once; tells what each left un-synced',
    amount: 100,
    unit: 'rounds of each',
    files: ['test/chaos/power-cut'],
    settings: (rounds) => ({ TEST_POWER_ROUNDS: rounds, TEST_POWER_REPORT: 1 }),
  },
  rot: {
    about:
      'flipped bits in the files of a single node: one a round, in log, chunk, catalog and any file in turn',
    amount: 400,
    unit: 'rounds',
    files: ['test/chaos/rot.test.ts'],
    settings: (rounds) => ({ TEST_ROT_ROUNDS: rounds }),
  },
  'rot-cluster': {
    about:
      'flipped bits in the files of three nodes with two copies: one in files of each kind a round',
    amount: 100,
    unit: 'rounds',
    files: ['test/chaos/rot-cluster.test.ts'],
    settings: (rounds) => ({ TEST_ROT_CLUSTER_ROUNDS: rounds }),
  },
  backup: {
    about: 'backups of three nodes with two copies, restored into five with three',
    amount: 200_000,
    unit: 'rows',
    files: ['test/cluster/backup.test.ts'],
    settings: (rows) => ({ RESTORE_ROWS: rows, RESTORE_NODES: 5 }),
  },
  faults: {
    about: 'the checker while nodes are killed, paused and stopped and etcd restarts',
    amount: 60,
    unit: 'minutes',
    isMinutes: true,
    files: ['test/chaos/cluster-faults.test.ts'],
    settings: () => ({
      TEST_FAULT_ROUNDS: 5,
      TEST_FAULT_PAUSE_MS: 15_000,
      TEST_FAULT_REPORT: 1,
    }),
  },
  partitions: {
    about: 'named partitions, then random ones, with two and three copies in turn',
    amount: 60,
    unit: 'minutes',
    isMinutes: true,
    files: ['test/chaos/partition.test.ts'],
    settings: (pass) => ({
      TEST_PARTITION_ROUNDS: 10,
      TEST_PARTITION_REPLICAS: 2 + (pass % 2),
      TEST_PARTITION_REPORT: 1,
    }),
  },
  register: {
    about: 'keys at level quorum through kills, pauses and partitions, checked for linearizability',
    amount: 20,
    unit: 'rounds',
    files: ['test/chaos/register.test.ts'],
    settings: (rounds) => ({ TEST_REGISTER_ROUNDS: rounds }),
  },
  return: {
    about:
      'a node is away during deletes, drops and the collection of their tombstones, and returns',
    amount: 3,
    unit: 'rounds of a minute',
    files: ['test/cluster/return.test.ts'],
    settings: (rounds) => ({ TEST_RETURN_ROUNDS: rounds }),
  },
  continuous: {
    about: 'continuous queries: kill -9 of the node, of the owner, paused owners',
    amount: 20,
    unit: 'rounds',
    files: ['test/cluster/continuous-queries.test.ts'],
    settings: (rounds) => ({ CONTINUOUS_ROUNDS: rounds }),
  },
  subscriptions: {
    about: 'subscriptions: twenty kill -9, in turn of the server and of the destination',
    amount: 100_000,
    unit: 'points',
    files: ['test/chaos/subscription-kill.test.ts'],
    settings: (points) => ({ TEST_SUBSCRIPTION_POINTS: points, TEST_SUBSCRIPTION_KILLS: 20 }),
  },
  import: {
    about: 'import from a real InfluxDB, then every conformance query on both',
    amount: 1_000_000,
    unit: 'points',
    files: ['test/clients/import-influx.test.ts'],
    settings: (points) => ({ TEST_IMPORT_POINTS: points }),
  },
  death: {
    about:
      'queries of death, two hundred at once, how soon ended queries end; memory and writes meanwhile',
    amount: 10_000_000,
    unit: 'points',
    files: ['test/chaos/death'],
    // Each row has two fields.
    settings: (points) => ({
      DEATH_ROWS: Math.ceil(points / 2),
      DEATH_AT_ONCE: 200,
      DEATH_REPORT: 1,
    }),
  },
  fuzz: {
    about: 'mutated queries and mutated bodies; what the process holds before and after',
    amount: 50_000,
    unit: 'of each',
    files: ['test/chaos/fuzz.test.ts'],
    settings: (count) => ({ FUZZ_COUNT: count }),
  },
};

function usage() {
  const width = Math.max(...Object.keys(longTests).map((name) => name.length));
  const lines = Object.entries(longTests).map(
    ([name, { about, amount, unit }]) =>
      `  ${name.padEnd(width)}  ${about}\n  ${''.padEnd(width)}  default: ${amount} ${unit}`,
  );
  return ['usage: npm run long -- NAME [amount]', ...lines].join('\n');
}

function runTest(files, settings) {
  const env = { ...process.env };
  for (const [name, value] of Object.entries(settings)) env[name] = String(value);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...files], {
    cwd: root,
    stdio: 'inherit',
    env,
  });
  return status === 0;
}

/** Passes until `minutes` are over, at least one. */
function runPasses(name, { files, settings }, minutes) {
  const startedMs = Date.now();
  for (let pass = 0; ; ) {
    const isGood = runTest(files, settings(pass));
    pass += 1;
    const passed = (Date.now() - startedMs) / minuteMs;
    const end = isGood ? '' : ', the last one failed';
    console.log(`${name}: ${pass} passes in ${passed.toFixed(1)} min${end}`);
    if (!isGood || passed >= minutes) return isGood;
  }
}

function runLong(name, test, amount) {
  setup();
  const isGood = test.isMinutes
    ? runPasses(name, test, amount)
    : runTest(test.files, test.settings(amount));
  process.exitCode = isGood ? 0 : 1;
}

const [name, text, ...rest] = process.argv.slice(2);
const test = Object.hasOwn(longTests, name ?? '') ? longTests[name] : undefined;
const amount = Number(text ?? test?.amount);
if (name === undefined || name === '--help' || name === '-h') {
  console.log(usage());
} else if (test === undefined || rest.length > 0 || !(amount > 0)) {
  console.error(`cannot run: ${process.argv.slice(2).join(' ')}\n${usage()}`);
  process.exitCode = exitUsage;
} else {
  runLong(name, test, amount);
}
