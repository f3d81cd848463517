/** Virtual time: events in order, one seeded source of chance, a trace and the violations found. */

import { createSimRng } from '../../src/env/sim/sim-rng.ts';

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** The last lines of a trace that are kept. */
const traceLinesMax = 20_000;

export class World {
  readonly seed: number;
  /** Virtual ms. */
  now = 0;
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly isTracing: boolean;
  /** Of everything that happened: equal for equal runs. */
  traceHash = 0;
  steps = 0;
  readonly #heap: Scheduled[] = [];
  readonly #next: () => number;
  #order = 0;

  constructor(seed: number, isTracing = false) {
    this.seed = seed;
    this.isTracing = isTracing;
    this.#next = createSimRng(Math.imul(seed, 7_919) + 13).next;
  }

  random(): number {
    return this.#next();
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  between(from: number, until: number): number {
    return from + (until - from) * this.#next();
  }

  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.below(16).toString(16);
    return text;
  }

  after(delayMs: number, run: () => void): void {
    const item = { at: this.now + Math.max(0, delayMs), order: this.#order++, run };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(item, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = item;
  }

  /** Runs until virtual time `untilMs`, or until `isDone` says so. */
  run(untilMs: number, isDone: () => boolean = () => false): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= untilMs && !isDone()) {
      const item = this.#pop();
      this.now = item.at;
      this.steps++;
      item.run();
    }
    if (this.now < untilMs && !isDone()) this.now = untilMs;
  }

  note(where: string, what: string): void {
    let hash = (this.traceHash ^ Math.round(this.now * 1_000)) | 0;
    for (let i = 0; i < what.length; i++) hash = (Math.imul(hash, 31) + what.charCodeAt(i)) | 0;
    for (let i = 0; i < where.length; i++) hash = (Math.imul(hash, 31) + where.charCodeAt(i)) | 0;
    this.traceHash = hash;
    if (!this.isTracing) return;
    this.trace.push(`${this.now.toFixed(1).padStart(9)} ${where} ${what}`);
    if (this.trace.length > traceLinesMax * 2) this.trace.splice(0, traceLinesMax);
  }

  violate(invariant: string, detail: string): void {
    this.violations.push(`${invariant} at ${Math.round(this.now)} ms: ${detail}`);
    this.note('!!', `${invariant} ${detail}`);
  }

  #pop(): Scheduled {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
