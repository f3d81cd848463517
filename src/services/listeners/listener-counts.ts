/** What a listener counts, and how it says what it lost: each kind of loss in one line now and then, with its number. */

import type { Reading } from '../../base/reading.ts';
import type { Clock, Log } from '../../env/env.ts';

/** Losses of one kind are told so often at most. */
const quietMs = 10_000;

export class ListenerCounts {
  bytes = 0;
  /** Lines of line protocol, or points. */
  points = 0;
  pointsWritten = 0;
  /** Cannot be read, or may not be stored. */
  pointsRefused = 0;
  /** Came faster than they could be written. */
  pointsDropped = 0;
  /** Could not be written, after some attempts. */
  pointsFailed = 0;
  batches = 0;
  errors = 0;
  connections = 0;

  readings(listener: string): readonly Reading[] {
    const labels = { listener };
    const counter = (name: string, help: string, value: number): Reading => ({
      kind: 'counter',
      name: `listener_${name}`,
      help,
      labelNames: ['listener'],
      values: [{ labels, value }],
    });
    return [
      counter('bytes', 'Bytes that came in', this.bytes),
      counter('points', 'Points or lines that came in', this.points),
      counter('points_written', 'Points stored', this.pointsWritten),
      counter('points_refused', 'Points that cannot be read or stored', this.pointsRefused),
      counter('points_dropped', 'Points for which there was no room', this.pointsDropped),
      counter('points_failed', 'Points that could not be written', this.pointsFailed),
      counter('batches', 'Batches written', this.batches),
      counter('errors', 'Failures of the socket', this.errors),
      counter('connections', 'Connections taken', this.connections),
    ];
  }

  describe() {
    const { points, pointsWritten, pointsRefused, pointsDropped, pointsFailed } = this;
    return { points, pointsWritten, pointsRefused, pointsDropped, pointsFailed };
  }
}

export class LossNotes {
  readonly #env: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly log: Log };
  /** Per kind: when it was told last, and how many since. */
  readonly #told = new Map<string, { atMs: number; count: number }>();

  constructor(env: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly log: Log }) {
    this.#env = env;
  }

  /** `event` names the kind. */
  tell(event: string, count: number, reason: string): void {
    const nowMs = this.#env.clock.monotonicMs();
    const last = this.#told.get(event) ?? { atMs: Number.NEGATIVE_INFINITY, count: 0 };
    last.count += count;
    this.#told.set(event, last);
    if (nowMs - last.atMs < quietMs) return;
    this.#env.log.warn(event, { count: last.count, reason });
    last.atMs = nowMs;
    last.count = 0;
  }
}
