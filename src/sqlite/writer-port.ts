/**
 * The writer across threads: a client over one end of a MessagePort, a server over the other. Many
 * threads share the one writer, each through a port of its own.
 */

import type { MessagePort, Transferable } from 'node:worker_threads';
import { CitadelError, type ErrorCode } from '../base/errors.ts';
import type { ParameterColumn, SqliteJob } from './job.ts';
import type { SqliteWriter } from './sqlite.ts';

interface Request {
  readonly id: number;
  readonly job: SqliteJob;
}

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | bigint>>;
}

interface Reply {
  readonly id: number;
  readonly failure: Failure | undefined;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function buffersOf(column: ParameterColumn): ArrayBufferLike[] {
  if (column.kind === 'text') return [];
  if (column.kind !== 'blob') return [column.values.buffer];
  const wholeBuffer = column.bytes.byteLength === column.bytes.buffer.byteLength;
  return wholeBuffer ? [column.bytes.buffer, column.ends.buffer] : [column.ends.buffer];
}

function transferables(job: SqliteJob): Transferable[] {
  if (job.kind !== 'write') return [];
  const buffers = new Set(job.batches.flatMap((batch) => batch.parameters.flatMap(buffersOf)));
  return [...buffers].filter((buffer) => buffer instanceof ArrayBuffer);
}

class PortWriter implements SqliteWriter {
  private readonly port: MessagePort;
  private readonly waiting = new Map<number, Waiter>();
  private nextId = 1;
  private closing: Promise<void> | undefined;
  private whenIdle: (() => void) | undefined;

  constructor(port: MessagePort) {
    this.port = port;
    port.on('message', (reply: Reply) => this.take(reply));
    port.on('close', () => this.fail());
  }

  run(job: SqliteJob): Promise<void> {
    if (this.closing !== undefined) {
      return Promise.reject(new CitadelError('cancelled', 'cannot write: the store is closing'));
    }
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.port.postMessage({ id, job } satisfies Request, transferables(job));
    });
  }

  close(): Promise<void> {
    this.closing ??= new Promise<void>((resolve) => {
      this.whenIdle = resolve;
      if (this.waiting.size === 0) resolve();
    }).then(() => this.port.close());
    return this.closing;
  }

  private take(reply: Reply): void {
    const waiter = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (reply.failure === undefined) waiter?.resolve();
    else {
      const { code, message, details } = reply.failure;
      waiter?.reject(new CitadelError(code, message, { details }));
    }
    if (this.waiting.size === 0) this.whenIdle?.();
  }

  private fail(): void {
    const error = new CitadelError('unavailable', 'cannot write: the writer thread has ended');
    for (const waiter of this.waiting.values()) waiter.reject(error);
    this.waiting.clear();
    this.whenIdle?.();
  }
}

/** The client side, for the thread that holds `port`. */
export function connectSqliteWriter(port: MessagePort): SqliteWriter {
  return new PortWriter(port);
}

function describeFailure(error: unknown): Failure {
  if (error instanceof CitadelError) {
    return { code: error.code, message: error.message, details: error.details };
  }
  return { code: 'internal', message: `cannot write: ${String(error)}`, details: {} };
}

/** The server side, in the writer thread. */
export function serveSqliteWriter(port: MessagePort, writer: SqliteWriter): void {
  port.on('message', async ({ id, job }: Request) => {
    let failure: Failure | undefined;
    try {
      await writer.run(job);
    } catch (error) {
      failure = describeFailure(error);
    }
    port.postMessage({ id, failure } satisfies Reply);
  });
}
