/**
 * Line protocol in datagrams. Each is parsed by itself and gets its own "now"; they are written in batches.
 *
 * UDP cannot be held back: what comes while all batches wait to be written is dropped, counted and said.
 */

import type { BodyPart } from '../../broker/requests.ts';
import type { Service } from '../parts.ts';
import { BatchQueue } from './batch-queue.ts';
import { BatchWriter, type ListenerParts } from './batch-writer.ts';
import { ListenerCounts, LossNotes } from './listener-counts.ts';
import type { UdpSettings } from './listener-settings.ts';

const lineFeed = 0x0a;
const name = 'udp';

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) count++;
  return bytes.at(-1) === lineFeed ? count : count + 1;
}

/** @throws CitadelError `unavailable` when it cannot listen */
export async function startUdp(parts: ListenerParts, settings: UdpSettings): Promise<Service> {
  const { env, broker } = parts;
  const { database, policy, precision } = settings;
  const log = env.log.with({ listener: name });
  const counts = new ListenerCounts();
  const notes = new LossNotes({ clock: env.clock, log });
  const target = { database, policy, makesPolicy: false };
  const writer = new BatchWriter(parts, target, counts, notes);
  const queue = new BatchQueue<BodyPart>(env.timers, settings.batch, (pieces, points) =>
    writer.write(points, () =>
      broker.writeParts({ database, policy, precision, consistency: '', parts: pieces }),
    ),
  );
  const listener = await env.listeners.listenDatagrams({
    host: settings.host,
    port: settings.port,
    receiveBufferBytes: settings.readBufferBytes,
    onDatagram: (body) => {
      const lines = countLines(body);
      counts.bytes += body.length;
      counts.points += lines;
      if (queue.offer({ body, nowNs: env.clock.wallNs() }, lines, body.length)) return;
      counts.pointsDropped += lines;
      notes.tell('points were dropped', lines, 'all batches wait to be written');
    },
    onError: (error) => {
      counts.errors++;
      notes.tell('datagrams were lost', 1, error.message);
    },
  });
  log.info('listening', { port: listener.port, database });
  return {
    name,
    readings: () => counts.readings(name),
    describe: () => ({ port: listener.port, database, ...counts.describe() }),
    stop: async () => {
      await listener.close();
      writer.hurry();
      await queue.close();
    },
  };
}
