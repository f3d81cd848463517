/** A commit log over the simulated disk, with a model beside it of what was offered and acknowledged. */

import type { CitadelError } from '../../../../src/base/errors.ts';
import { CommitLog, type FsyncMode } from '../../../../src/datanode/log/commit-log.ts';
import type { LogRecord } from '../../../../src/datanode/log/log-layout.ts';
import {
  type LogDamage,
  type LogSummary,
  readLog,
  syncLog,
} from '../../../../src/datanode/log/log-reader.ts';
import { createSimEnv, type SimEnv } from '../../../../src/env/sim/sim-env.ts';

export const logDirectory = 'log/0';

export interface ReadBack {
  readonly records: LogRecord[];
  readonly damage: LogDamage[];
  readonly summary: LogSummary;
}

export function replicaName(replica: number): string {
  return replica.toString(16).padStart(16, '0');
}

function makeRecord(replica: number, lsn: number, payload: Uint8Array): LogRecord {
  return {
    shard: replica,
    replicaId: replicaName(replica),
    origin: 'a0b1c2d3e4f50617',
    sequence: lsn,
    hlc: 1_000_000 + lsn,
    epoch: 1,
    writeId: new Uint8Array(16).fill(lsn),
    lsn,
    scope: new Uint8Array(32).fill(replica + 1),
    frame: payload,
  };
}

export class LogRig {
  readonly env: SimEnv;
  readonly #fsync: FsyncMode;
  readonly #segmentBytes: number;
  log: CommitLog | undefined;
  /** `replica/lsn` -> payload. */
  readonly acked = new Map<string, Uint8Array>();
  /** `replica/lsn` -> every payload that was ever offered under it. */
  readonly offered = new Map<string, Uint8Array[]>();
  readonly failures: CitadelError[] = [];
  /** Some sync of this history was made to fail. */
  syncFailed = false;
  readonly trimmedTo = new Map<string, number>();
  readonly #lsn = new Map<number, number>();

  constructor(seed: number, options: { fsync?: FsyncMode; segmentBytes?: number } = {}) {
    this.env = createSimEnv(seed);
    this.#fsync = options.fsync ?? 'always';
    this.#segmentBytes = options.segmentBytes ?? 4096;
  }

  async read(): Promise<ReadBack> {
    const records: LogRecord[] = [];
    const damage: LogDamage[] = [];
    const summary = await this.env.scheduler.run(
      readLog(this.env.disk, logDirectory, {
        record: (record) => records.push(record),
        damage: (place) => damage.push(place),
        pause: () => this.env.timers.yieldNow(),
      }),
    );
    return { records, damage, summary };
  }

  /** Opens as the data node does: what was read is durable before anything counts. */
  async open(): Promise<ReadBack> {
    const { env } = this;
    await env.scheduler.run(env.disk.makeDirectory(logDirectory));
    await env.scheduler.run(syncLog(env.disk, logDirectory));
    const found = await this.read();
    for (const { shard, lsn, frame } of found.records) {
      // After a failed sync the cache may show what the disk does not have, and no sync tells.
      const isSure = !this.syncFailed || this.acked.has(`${shard}/${lsn}`);
      if (isSure) this.acked.set(`${shard}/${lsn}`, frame);
      this.#lsn.set(shard, lsn);
    }
    for (const [replica, lsn] of this.trimmedTo) {
      const shard = Number.parseInt(replica, 16);
      this.#lsn.set(shard, Math.max(lsn, this.#lsn.get(shard) ?? 0));
    }
    const options = {
      env,
      disk: env.disk,
      directory: logDirectory,
      logId: 0,
      fsync: this.#fsync,
      fsyncIntervalMs: 20,
      segmentBytes: this.#segmentBytes,
    };
    this.log = new CommitLog(options, found.summary, {
      logged: (records) => {
        for (const { shard, lsn, frame } of records) this.acked.set(`${shard}/${lsn}`, frame);
      },
      failed: (error, records) => {
        this.failures.push(error);
        for (const { shard } of records) this.#lsn.set(shard, this.#lsn.get(shard)! - 1);
      },
    });
    return found;
  }

  append(replica: number, payload: Uint8Array): void {
    const lsn = (this.#lsn.get(replica) ?? 0) + 1;
    this.#lsn.set(replica, lsn);
    const key = `${replica}/${lsn}`;
    this.offered.set(key, [...(this.offered.get(key) ?? []), payload]);
    this.log!.append(makeRecord(replica, lsn, payload));
  }

  /** As after a flush of this replica: everything acknowledged so far is in its store. */
  async trim(replica: number): Promise<void> {
    let flushed = this.trimmedTo.get(replicaName(replica)) ?? 0;
    while (this.acked.has(`${replica}/${flushed + 1}`)) flushed++;
    this.trimmedTo.set(replicaName(replica), flushed);
    await this.env.scheduler.run(this.log!.trim((id) => this.trimmedTo.get(id) ?? 0));
  }

  /** What must hold of everything that is read back. Returns the first thing that does not. */
  check(found: ReadBack, acked: ReadonlyMap<string, Uint8Array> = this.acked): string | undefined {
    const seen = new Map<number, number>();
    for (const { shard, lsn, frame } of found.records) {
      const key = `${shard}/${lsn}`;
      const bytes = Buffer.from(frame);
      if (!this.offered.get(key)?.some((payload) => bytes.equals(payload))) return `${key} mutated`;
      const known = acked.get(key);
      if (known !== undefined && !bytes.equals(known)) return `${key} has another content`;
      const before = seen.get(shard);
      if (before !== undefined && lsn !== before + 1) return `${key} follows ${before}`;
      seen.set(shard, lsn);
    }
    const read = new Set(found.records.map(({ shard, lsn }) => `${shard}/${lsn}`));
    for (const key of acked.keys()) {
      const [shard, lsn] = key.split('/').map(Number);
      const inStore = lsn! <= (this.trimmedTo.get(replicaName(shard!)) ?? 0);
      if (!inStore && !read.has(key)) return `${key} lost`;
    }
    return undefined;
  }
}
