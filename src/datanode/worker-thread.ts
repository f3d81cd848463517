/** Starts one data worker thread and watches it. */

import { Worker } from 'node:worker_threads';
import { CitadelError } from '../base/errors.ts';
import { ValueSieve } from '../tstore/value-sieve.ts';
import type { WorkerStart } from './worker/messages.ts';
import { WorkerLink, type WorkerLinkOptions } from './worker-link.ts';

const mebibyte = 1024 * 1024;
/** Frames on their way to one worker: a share of its memory, but always a few of the largest. */
const inFlightShare = 1 / 8;
const inFlightBytes = { min: 8 * mebibyte, max: 64 * mebibyte };

export interface WorkerThread {
  readonly link: WorkerLink;
  readonly ended: Promise<void>;
  /** Ends it as it is. */
  terminate(): Promise<unknown>;
}

export interface ThreadOptions
  extends Omit<WorkerLinkOptions, 'worker' | 'inFlightBytesMax' | 'sieve'> {
  /** Whatever was under way has failed. Also called when it ends as it was told to. */
  readonly onDeath: (error: CitadelError) => void;
}

export function startWorkerThread(start: WorkerStart, options: ThreadOptions): WorkerThread {
  const worker = new Worker(new URL('./shard-worker.js', import.meta.url), {
    workerData: start,
    transferList: [start.writerPort],
  });
  const sieve = start.sieve && new ValueSieve(start.sieve);
  const share = start.memoryBytes * inFlightShare;
  const inFlightBytesMax = Math.max(inFlightBytes.min, Math.min(inFlightBytes.max, share));
  const link = new WorkerLink({ ...options, worker, inFlightBytesMax, sieve });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const die = (message: string, cause?: unknown) => {
    const error = new CitadelError('internal', message, { cause });
    link.fail(error);
    options.onDeath(error);
  };
  worker.once('error', (cause) => die(`a data worker failed: ${cause.message}`, cause));
  worker.once('exit', (code) => die(`a data worker ended with ${code}`));
  return { link, ended, terminate: () => worker.terminate() };
}
