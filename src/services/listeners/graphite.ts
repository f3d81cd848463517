/**
 * Graphite's plain text over TCP or UDP.
 *
 * A TCP connection is not read further while all batches wait to be written, so its sender waits; datagrams that
 * come then are dropped, counted and said. The end of a connection without a line feed is no line.
 */

import { encodeText } from '../../base/text.ts';
import type { FloatPoints } from '../../broker/requests.ts';
import type { Connection, Listener } from '../../env/listeners.ts';
import type { Service } from '../parts.ts';
import { BatchQueue } from './batch-queue.ts';
import { BatchWriter, type ListenerParts } from './batch-writer.ts';
import { GraphiteLines } from './graphite-lines.ts';
import { GraphiteTemplates } from './graphite-template.ts';
import { ListenerCounts, LossNotes } from './listener-counts.ts';
import type { GraphiteSettings } from './listener-settings.ts';

const name = 'graphite';
const lineFeed = 0x0a;
/** A longer line is none: its connection is closed. */
const lineSizeMax = 64 * 1024;
const connectionsMax = 1_024;
const idleMs = 15 * 60_000;
/** About what a point takes in memory, beside its name. */
const pointSize = 20;
const noBytes = encodeText('');

class GraphiteInput {
  readonly #parts: ListenerParts;
  readonly #counts: ListenerCounts;
  readonly #notes: LossNotes;
  readonly #lines: GraphiteLines;
  readonly #writer: BatchWriter;
  readonly #queue: BatchQueue<FloatPoints>;

  /** @throws CitadelError `invalid-argument` for templates that cannot be read */
  constructor(
    parts: ListenerParts,
    settings: GraphiteSettings,
    counts: ListenerCounts,
    notes: LossNotes,
  ) {
    const { database, policy, templates, tags, separator, batch } = settings;
    this.#parts = parts;
    this.#counts = counts;
    this.#notes = notes;
    this.#lines = new GraphiteLines(new GraphiteTemplates(templates, tags, separator));
    const target = { database, policy, makesPolicy: policy !== '' };
    this.#writer = new BatchWriter(parts, target, counts, notes);
    this.#queue = new BatchQueue(parts.env.timers, batch, (slices, points) =>
      this.#writer.write(points, () =>
        parts.broker.writeFloats({ database, policy, consistency: '', slices }),
      ),
    );
  }

  datagram(bytes: Uint8Array): void {
    const points = this.#read(bytes);
    if (points === undefined || this.#offer(points)) return;
    this.#counts.pointsDropped += points.rowCount;
    this.#notes.tell('points were dropped', points.rowCount, 'all batches wait to be written');
  }

  async connection({ parts }: Connection): Promise<void> {
    this.#counts.connections++;
    let rest: Uint8Array = noBytes;
    for await (const part of parts) {
      const bytes = rest.length === 0 ? part : Buffer.concat([rest, part]);
      const end = bytes.lastIndexOf(lineFeed) + 1;
      rest = bytes.subarray(end);
      if (end > 0) await this.#take(bytes.subarray(0, end));
      if (rest.length <= lineSizeMax) continue;
      this.#notes.tell('connections were closed', 1, `a line is longer than ${lineSizeMax} bytes`);
      return;
    }
  }

  async stop(): Promise<void> {
    this.#writer.hurry();
    await this.#queue.close();
  }

  async #take(bytes: Uint8Array): Promise<void> {
    const points = this.#read(bytes);
    if (points === undefined) return;
    while (!this.#offer(points)) await this.#queue.room();
  }

  #offer(points: FloatPoints): boolean {
    return this.#queue.offer(points, points.rowCount, points.rowCount * pointSize);
  }

  /** Undefined = there is no point among the lines. */
  #read(bytes: Uint8Array): FloatPoints | undefined {
    const chunk = this.#lines.read(bytes, this.#parts.env.clock.wallNs());
    const { points, lineCount, refusedCount, reason } = chunk;
    this.#counts.bytes += bytes.length;
    this.#counts.points += lineCount;
    this.#counts.pointsRefused += refusedCount;
    if (refusedCount > 0) this.#notes.tell('points were refused', refusedCount, reason);
    return points.rowCount === 0 ? undefined : points;
  }
}

function listen(
  parts: ListenerParts,
  settings: GraphiteSettings,
  input: GraphiteInput,
  onError: (error: Error) => void,
): Promise<Listener> {
  const { host, port, protocol } = settings;
  const { listeners } = parts.env;
  if (protocol === 'udp') {
    return listeners.listenDatagrams({
      host,
      port,
      receiveBufferBytes: settings.readBufferBytes,
      onDatagram: (bytes) => input.datagram(bytes),
      onError,
    });
  }
  return listeners.listenStreams({
    host,
    port,
    connectionsMax,
    idleMs,
    onConnection: (connection) => {
      input.connection(connection).catch(onError);
    },
  });
}

/** @throws CitadelError `unavailable` when it cannot listen, `invalid-argument` for templates that cannot be read */
export async function startGraphite(
  parts: ListenerParts,
  settings: GraphiteSettings,
): Promise<Service> {
  const { env } = parts;
  const { database, protocol } = settings;
  const log = env.log.with({ listener: name });
  const counts = new ListenerCounts();
  const notes = new LossNotes({ clock: env.clock, log });
  const input = new GraphiteInput(parts, settings, counts, notes);
  const onError = (error: Error) => {
    counts.errors++;
    notes.tell('input failed', 1, error.message);
  };
  const listener = await listen(parts, settings, input, onError);
  log.info('listening', { port: listener.port, protocol, database });
  return {
    name,
    readings: () => counts.readings(name),
    describe: () => ({ port: listener.port, protocol, database, ...counts.describe() }),
    stop: async () => {
      await listener.close();
      await input.stop();
    },
  };
}
