/**
 * `npm run sim -- [--seeds n] [--first n] [--jobs n] [--bug name] [--trace]`: the simulation of replication with any
 * number of seeds (default 10,000) on all cores. Prints progress and failing seeds; exits non-zero if there are any.
 */

import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const batchSize = 50;
const progressMs = 10_000;
const shownMax = 20;

const exitUsage = 2;
const usage = 'usage: npm run sim -- [--seeds n] [--first n] [--jobs n] [--bug name] [--trace]';

function readArguments() {
  const options = {
    seeds: { type: 'string', default: '10000' },
    first: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    bug: { type: 'string' },
    trace: { type: 'boolean', default: false },
  };
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`sim: ${error.message}\n${usage}`);
    process.exit(exitUsage);
  }
}

const values = readArguments();

function add(sums, stats) {
  for (const [name, value] of Object.entries(stats)) sums[name] = (sums[name] ?? 0) + value;
}

/** A child gets the first seed of a batch and answers with what came of it. */
async function runChild() {
  const { runSeed } = await import('../test/sim/run-seed.ts');
  process.on('message', (first) => {
    const sums = {};
    const failed = [];
    for (let seed = first; seed < first + batchSize; seed++) {
      const { violations, stats } = runSeed(seed, { bug: values.bug });
      add(sums, stats);
      if (violations.length > 0) failed.push({ seed, violation: violations[0] });
    }
    process.send({ sums, failed });
  });
  process.send('ready');
}

async function runOne(seed) {
  const { runSeed } = await import('../test/sim/run-seed.ts');
  const { trace, violations } = runSeed(seed, { bug: values.bug, isTracing: true });
  for (const line of trace) console.log(line);
  for (const violation of violations) console.log(violation);
  process.exitCode = violations.length > 0 ? 1 : 0;
}

function runAll() {
  const first = Number(values.first);
  const end = first + Number(values.seeds);
  const sums = {};
  const failed = [];
  const startedMs = Date.now();
  let next = first;
  let done = 0;
  const report = () => {
    const seconds = (Date.now() - startedMs) / 1_000;
    console.log(
      `${done} of ${end - first} seeds in ${seconds.toFixed(0)} s, ${failed.length} failed`,
    );
  };
  const timer = setInterval(report, progressMs);
  let running = Number(values.jobs);
  const finish = () => {
    clearInterval(timer);
    report();
    console.log(JSON.stringify(sums));
    for (const { seed, violation } of failed.slice(0, shownMax))
      console.log(`seed ${seed}: ${violation}`);
    process.exitCode = failed.length > 0 ? 1 : 0;
  };
  for (let i = 0; i < Number(values.jobs); i++) {
    const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, CITADEL_SIM_CHILD: '1' },
    });
    const give = () => {
      if (next >= end) {
        child.disconnect();
        if (--running === 0) finish();
        return;
      }
      child.send(next);
      next += batchSize;
    };
    child.on('message', (message) => {
      if (message !== 'ready') {
        done += batchSize;
        add(sums, message.sums);
        for (const one of message.failed) {
          failed.push(one);
          if (failed.length <= shownMax) console.log(`seed ${one.seed}: ${one.violation}`);
        }
      }
      give();
    });
  }
}

if (process.env.CITADEL_SIM_CHILD === '1') await runChild();
else if (values.trace) await runOne(Number(values.first));
else runAll();
