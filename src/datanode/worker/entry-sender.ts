/**
 * Gives peers the entries they ask for: read back from the commit log and sent in pieces.
 *
 * What cannot be read is left out, with all that follows it of its origin, and told: the peer then needs a snapshot.
 */

import type { PeerEntry, ReplicaMessage } from '../../replication/peer-message.ts';
import type { EntryRange } from '../../replication/replica-events.ts';
import type { EntryIndex, OriginEnd } from '../log/entry-index.ts';
import { findPlaces } from '../log/find-places.ts';
import type { LogRecord } from '../log/log-layout.ts';
import type { SegmentReader } from '../log/segment-reader.ts';

/** Frames of one `entries` message; always one. */
const pieceBytes = 1024 * 1024;
/** Frames in answer to one question; the peer asks again. */
const answerBytes = 4 * 1024 * 1024;
/** What is read at once, other replicas' records in between included. */
const spanBytes = 1024 * 1024;
/** Questions that wait; beyond it a question is answered without entries. */
const waitingMax = 16;

export interface EntryQuestion {
  readonly to: string;
  readonly ranges: readonly EntryRange[];
  readonly last: ReplicaMessage;
}

export interface EntrySenderOptions {
  readonly index: EntryIndex;
  readonly reader: Pick<SegmentReader, 'read'>;
  readonly send: (to: string, message: ReplicaMessage) => void;
  /** These cannot be read: of an origin all up to a sequence. */
  readonly onMissing: (missing: OriginEnd) => void;
}

interface Answer {
  readonly to: string;
  readonly last: ReplicaMessage;
  entries: PeerEntry[];
  entriesBytes: number;
  totalBytes: number;
}

export class EntrySender {
  readonly #options: EntrySenderOptions;
  #waiting: EntryQuestion[] = [];
  #running: Promise<void> | undefined;

  constructor(options: EntrySenderOptions) {
    this.#options = options;
  }

  answer(question: EntryQuestion): void {
    if (this.#waiting.length >= waitingMax) {
      this.#options.send(question.to, question.last);
      return;
    }
    this.#waiting.push(question);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing is read any more; what waits is dropped. */
  async stop(): Promise<void> {
    this.#waiting = [];
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#answer(next);
    }
  }

  async #answer({ to, ranges, last }: EntryQuestion): Promise<void> {
    const answer: Answer = { to, last, entries: [], entriesBytes: 0, totalBytes: 0 };
    for (const range of ranges) {
      if (answer.totalBytes >= answerBytes) break;
      await this.#addRange(answer, range);
    }
    this.#flush(answer);
    this.#options.send(to, last);
  }

  async #addRange(answer: Answer, { origin, from, to }: EntryRange): Promise<void> {
    let next = from;
    while (next <= to && answer.totalBytes < answerBytes) {
      const places = findPlaces(this.#options.index, { origin, from: next, to }, spanBytes);
      const records = places.length === 0 ? [undefined] : await this.#options.reader.read(places);
      for (const record of records) {
        if (record?.origin !== origin || record.sequence !== next) {
          this.#options.onMissing({ origin, sequence: next });
          return;
        }
        this.#add(answer, record);
        next++;
      }
    }
  }

  #add(answer: Answer, record: LogRecord): void {
    const { origin, sequence, hlc, epoch, writeId, frame } = record;
    const isFull = answer.entriesBytes + frame.length > pieceBytes;
    if (isFull && answer.entries.length > 0) this.#flush(answer);
    answer.entries.push({ origin, sequence, hlc, epoch, writeId, frame });
    answer.entriesBytes += frame.length;
    answer.totalBytes += frame.length;
  }

  #flush(answer: Answer): void {
    const { to, last, entries } = answer;
    if (entries.length === 0) return;
    this.#options.send(to, { head: last.head, body: { kind: 'entries', entries } });
    answer.entries = [];
    answer.entriesBytes = 0;
  }
}
