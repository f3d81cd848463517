/** The tails of one worker's logs: answers what they ask, keeps what they need, lets go of what they do not. */

import { CitadelError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import type { TailAnswer, TailPart, TailQuestion } from '../../model/log-tail.ts';
import { toHlc } from '../../replication/hybrid-clock.ts';
import { measureLag, readTail, type TailLog } from '../log/log-tail.ts';
import { toFailure } from './failure.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import type { ReplicaGroup } from './replica-group.ts';
import { TailHolds, type TailsAtStart } from './tail-holds.ts';

/** Questions at once; each tail has one. */
const questionsMax = 4096;
const unknownLag = { isAtEnd: false, lagEntries: 0, lagBytes: 0 } as const;

export interface TailServerOptions {
  readonly env: Pick<Env, 'timers' | 'log'>;
  /** May be filled later, before the first message. */
  readonly groups: readonly ReplicaGroup[];
  readonly atStart: TailsAtStart | undefined;
  readonly send: (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void;
}

type TailMessage = Extract<ToWorker, { kind: 'tail-rules' | 'tail-positions' | 'read-tail' }>;

/** As a frame's header has them: little-endian. */
function idBytes(ids: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, id] of ids.entries()) view.setBigUint64(i * 8, BigInt(`0x${id}`), true);
  return bytes;
}

/** Copies the frames, which look into what was read, into one buffer that can be handed over. */
function packFrames(frames: readonly Uint8Array[]): Uint8Array[] {
  const packed = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  return frames.map((frame) => {
    packed.set(frame, at);
    at += frame.length;
    return packed.subarray(at - frame.length, at);
  });
}

export class TailServer {
  readonly holds: TailHolds;
  readonly #options: TailServerOptions;
  readonly #running = new Set<Promise<void>>();
  #trimming: Promise<void> | undefined;
  #closed = false;

  constructor(options: TailServerOptions) {
    const { env, atStart, send } = options;
    this.#options = options;
    const tell = (shards: readonly number[]) => send({ kind: 'tail-news', shards });
    this.holds = new TailHolds({ timers: env.timers, atStart, tell });
  }

  receive(message: TailMessage): void {
    if (this.#closed && message.kind !== 'read-tail') return;
    switch (message.kind) {
      case 'tail-rules':
        this.holds.setRules(message.rules);
        this.#trimSoon();
        return;
      case 'tail-positions':
        this.holds.move(message.positions);
        this.#trimSoon();
        return;
      case 'read-tail':
        this.#start(message.id, message.question);
    }
  }

  /** While room must be made nothing is kept for tails. */
  suspend(isFull: boolean): void {
    this.holds.isSuspended = isFull;
    if (isFull) this.#trimSoon();
  }

  /** Resolves when nothing is read or removed any more. */
  async stop(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
    await this.#trimming;
  }

  /** What came meanwhile counts at the next time. */
  #trimSoon(): void {
    this.#trimming ??= this.#trim().finally(() => {
      this.#trimming = undefined;
    });
  }

  async #trim(): Promise<void> {
    for (const group of this.#options.groups) {
      try {
        await group.trim();
      } catch (error) {
        this.#options.env.log.warn('cannot trim the log', { error });
      }
    }
  }

  #start(id: number, question: TailQuestion): void {
    const { send } = this.#options;
    const running = this.#answer(question)
      .then(
        (answer) => {
          const buffers = answer.parts.flatMap(({ frames }) => frames[0]?.buffer ?? []);
          send({ kind: 'tail', id, answer }, buffers as ArrayBuffer[]);
        },
        (error: unknown) => send({ kind: 'tail', id, failure: toFailure(error) }),
      )
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #answer({ dbId, rpId, shards, sizeMax }: TailQuestion): Promise<TailAnswer> {
    if (this.#running.size >= questionsMax) {
      throw new CitadelError('overloaded', 'cannot read the log: too many tails ask at once');
    }
    const ids = idBytes([dbId, rpId]);
    const parts: TailPart[] = [];
    const absent: number[] = [];
    let readBytes = 0;
    for (const { shard, after, sinceMs } of shards) {
      if (readBytes >= sizeMax) break;
      if (this.#closed) throw new CitadelError('unavailable', 'the node is shutting down');
      const scope = { ids, sinceHlc: toHlc(sinceMs) };
      const log = this.#logOf(shard);
      if (log === undefined) {
        absent.push(shard);
        continue;
      }
      const {
        readBytes: size,
        frames,
        ...read
      } = await readTail(log, scope, after, sizeMax - readBytes);
      readBytes += size;
      parts.push({ shard, ...read, frames: packFrames(frames), ...unknownLag });
    }
    // Judged as the last thing before the answer leaves: news of what comes later leave behind it.
    return { parts: parts.map((part) => this.#judge(part)), absent };
  }

  #judge(part: TailPart): TailPart {
    const log = this.#logOf(part.shard);
    if (log === undefined) return part;
    const { entries: lagEntries, bytes: lagBytes } = measureLag(log, part.through);
    return { ...part, isAtEnd: lagEntries === 0, lagEntries, lagBytes };
  }

  #logOf(shard: number): TailLog | undefined {
    for (const { replicas, set } of this.#options.groups) {
      const replica = replicas.get(shard);
      if (replica === undefined) continue;
      const { index, state } = replica;
      const ownOrigin = () => state.origin;
      return { index, reader: set.reader, versions: () => state.versions, ownOrigin };
    }
    return undefined;
  }
}
