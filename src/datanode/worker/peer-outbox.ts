/**
 * Messages for peers on their way to the main thread: those of one turn of the event loop leave together, of all
 * logs of the thread, and one that goes to several nodes is encoded once.
 */

import type { Timers } from '../../env/env.ts';
import { encodeMessage } from '../../replication/message-codec.ts';
import type { ReplicaMessage } from '../../replication/peer-message.ts';
import { packMessages } from '../pack-messages.ts';
import type { ClusterFromWorker, OutgoingMessage } from './cluster-messages.ts';

export interface PeerOutboxOptions {
  readonly timers: Pick<Timers, 'yieldNow'>;
  readonly send: (message: ClusterFromWorker, transfer: readonly ArrayBuffer[]) => void;
}

/** Smaller messages leave in one buffer: handing over a buffer costs more than copying so many bytes. */
const packedBytesMax = 4_096;

/** The step function gives each peer a message of its own, often with the same content. */
function isSame(a: ReplicaMessage, b: ReplicaMessage): boolean {
  if (a.body !== b.body) return false;
  const { head } = a;
  const { hlc, wallMs, recordVersion, record } = b.head;
  if (head.hlc !== hlc || head.wallMs !== wallMs) return false;
  return head.recordVersion === recordVersion && head.record === record;
}

export class PeerOutbox {
  readonly #options: PeerOutboxOptions;
  #queue: OutgoingMessage[] = [];
  #last: { readonly message: ReplicaMessage; readonly bytes: Uint8Array } | undefined;

  constructor(options: PeerOutboxOptions) {
    this.#options = options;
  }

  add(shard: number, to: string, message: ReplicaMessage): void {
    if (this.#last === undefined || !isSame(this.#last.message, message)) {
      this.#last = { message, bytes: encodeMessage(message) };
    }
    this.#queue.push({ shard, to, bytes: this.#last.bytes });
    if (this.#queue.length > 1) return;
    // Everything that waits for this thread is heard first: under load that is many messages, and one parcel of answers.
    this.#options.timers.yieldNow().then(
      () => this.#flush(),
      () => undefined,
    );
  }

  #flush(): void {
    const messages = this.#queue;
    this.#queue = [];
    this.#last = undefined;
    const small = messages.filter(({ bytes }) => bytes.length <= packedBytesMax);
    const large = messages.filter(({ bytes }) => bytes.length > packedBytesMax);
    const parcel = [...packMessages(small), ...large];
    const buffers = new Set(parcel.map(({ bytes }) => bytes.buffer as ArrayBuffer));
    this.#options.send({ kind: 'peer-messages', messages: parcel }, [...buffers]);
  }
}
