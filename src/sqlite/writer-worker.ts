/**
 * The writer thread of a data directory. It starts with `{ root }` and is sent `{ port }` for every
 * thread that wants to write, and `{ close: true }` to finish; it exits when all is written.
 */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../base/errors.ts';
import { JobRunner } from './job-runner.ts';
import { serveSqliteWriter } from './writer-port.ts';

type Message = { readonly port: MessagePort } | { readonly close: true };

const parent = parentPort;
invariant(parent !== null, 'the writer runs in a thread of its own');
const { root } = workerData as { root: string };
const runner = new JobRunner(root);
const ports: MessagePort[] = [];

parent.on('message', async (message: Message) => {
  if ('port' in message) {
    ports.push(message.port);
    serveSqliteWriter(message.port, runner);
    return;
  }
  await runner.close();
  for (const port of ports) port.close();
  parent.close();
});
