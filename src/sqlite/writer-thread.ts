/** Starts the writer thread and hands out ports to it. Runs from the built tree only. */

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { CitadelError } from '../base/errors.ts';

export interface SqliteWriterThread {
  /** A port for one client thread (`connectSqliteWriter`); transfer it there. */
  openPort(): MessagePort;
  /** Rejects when the thread dies before `close`. */
  readonly failed: Promise<never>;
  /** Finishes the job under way, drops the rest, ends the thread. */
  close(): Promise<void>;
}

/** `root`: the data directory, absolute. */
export function startSqliteWriterThread(root: string): SqliteWriterThread {
  const worker = new Worker(new URL('./writer-worker.js', import.meta.url), {
    workerData: { root },
  });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  let closing = false;
  const failed = new Promise<never>((_, reject) => {
    worker.once('error', (error) => {
      reject(new CitadelError('internal', 'the writer thread failed', { cause: error }));
    });
    worker.once('exit', (code) => {
      if (!closing) reject(new CitadelError('internal', `the writer thread ended with ${code}`));
    });
  });
  failed.catch(() => undefined);
  return {
    openPort() {
      const { port1, port2 } = new MessageChannel();
      worker.postMessage({ port: port1 }, [port1]);
      return port2;
    },
    failed,
    async close() {
      closing = true;
      worker.postMessage({ close: true });
      await ended;
    },
  };
}
