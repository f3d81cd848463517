/** The main thread's end of what tails ask of one data worker. */

import { CitadelError } from '../base/errors.ts';
import type { TailAnswer, TailPosition, TailQuestion, TailRule } from '../model/log-tail.ts';
import { fromFailure } from './worker/failure.ts';
import type { FromWorker, ToWorker } from './worker/messages.ts';

interface Pending {
  readonly resolve: (answer: TailAnswer) => void;
  readonly reject: (error: CitadelError) => void;
}

export type TailNews = (shards: readonly number[]) => void;

export class TailLink {
  readonly #send: (message: ToWorker) => void;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #dead: CitadelError | undefined;
  /** Set once by the data node. */
  onNews: TailNews = () => undefined;

  constructor(send: (message: ToWorker) => void) {
    this.#send = send;
  }

  setTails(rules: readonly TailRule[]): void {
    this.#send({ kind: 'tail-rules', rules });
  }

  moveTails(positions: readonly TailPosition[]): void {
    this.#send({ kind: 'tail-positions', positions });
  }

  read(question: TailQuestion, signal: AbortSignal): Promise<TailAnswer> {
    const cancelled = new CitadelError('cancelled', 'reading the log was cancelled');
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    if (signal.aborted) return Promise.reject(cancelled);
    const id = this.#nextId++;
    const answered = new Promise<TailAnswer>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    const abort = () => this.#take(id)?.reject(cancelled);
    signal.addEventListener('abort', abort, { once: true });
    this.#send({ kind: 'read-tail', id, question });
    return answered.finally(() => signal.removeEventListener('abort', abort));
  }

  receive(message: Extract<FromWorker, { kind: 'tail' | 'tail-news' }>): void {
    if (message.kind === 'tail-news') {
      this.onNews(message.shards);
      return;
    }
    const { id, answer, failure } = message;
    const pending = this.#take(id);
    if (answer !== undefined) pending?.resolve(answer);
    else if (failure !== undefined) pending?.reject(fromFailure(failure));
  }

  /** The thread is gone. */
  fail(error: CitadelError): void {
    this.#dead = error;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}
