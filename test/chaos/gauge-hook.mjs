/**
 * Loaded into a server before its own code (`node --expose-gc --import`), and into each of its threads: at
 * SIGUSR2 all threads collect garbage, and the main one writes a line that says what the process still holds. The line
 * begins with `gauge `.
 */

import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

const channel = new BroadcastChannel('gauge');
/** A thread that is busy for longer is left out, and the reading says so. */
const patienceMs = 5_000;

function collect() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { heapTotal, heapUsed, external, arrayBuffers };
}

function write(workers) {
  const resources = {};
  for (const kind of process.getActiveResourcesInfo()) {
    resources[kind] = (resources[kind] ?? 0) + 1;
  }
  const held = collect();
  const { rss } = process.memoryUsage();
  const gauge = { ...held, rss, resources, workers };
  process.stderr.write(`gauge ${JSON.stringify(gauge)}\n`);
}

function serveMain() {
  const known = new Set();
  let answers = [];
  let finish = () => undefined;
  channel.onmessage = ({ data }) => {
    if (data.kind === 'hello') known.add(data.thread);
    if (data.kind !== 'held') return;
    answers.push(data);
    if (answers.length === known.size) finish();
  };
  process.on('SIGUSR2', () => {
    answers = [];
    collect();
    let timer;
    finish = () => {
      clearTimeout(timer);
      finish = () => undefined;
      write(answers);
    };
    timer = setTimeout(() => finish(), patienceMs).unref();
    if (known.size === 0) finish();
    else channel.postMessage({ kind: 'collect' });
  });
}

function serveWorker() {
  channel.onmessage = ({ data }) => {
    if (data.kind === 'collect')
      channel.postMessage({ kind: 'held', thread: threadId, ...collect() });
  };
  channel.postMessage({ kind: 'hello', thread: threadId });
}

if (isMainThread) serveMain();
else serveWorker();
channel.unref();
