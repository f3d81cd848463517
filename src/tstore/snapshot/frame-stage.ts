/**
 * Frames that were in the sender's memory: collected in a memtable of their own and flushed like one, with
 * all their stamps, for here nobody knows yet what is stable. No lsn of this store counts them.
 */

import { type Frame, openFrame } from '../../model/frame-decode.ts';
import { corruptSnapshot } from '../../model/snapshot-pieces.ts';
import { flushTask } from '../flush/flush.ts';
import { planFlush } from '../flush/plan-flush.ts';
import { saveNames } from '../flush/save-names.ts';
import { Memtable } from '../memtable/memtable.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import type { FrameRecord } from './records.ts';

/** Collected before they are written. */
const frameBytesMax = 16 * 1024 * 1024;
const frameCountMax = 16_384;
/** Above every lsn: of these rows no file says that it has them already. */
const lsnOfNone = Number.MAX_SAFE_INTEGER;

interface StagedFrame {
  readonly record: FrameRecord;
  readonly points: Extract<Frame, { kind: 'points' }>['points'];
}

export class FrameStage {
  private readonly state: StoreState;
  private staged: StagedFrame[] = [];
  private bytes = 0;

  constructor(state: StoreState) {
    this.state = state;
  }

  get isEmpty(): boolean {
    return this.staged.length === 0;
  }

  clear(): void {
    this.staged = [];
    this.bytes = 0;
  }

  /** True = time to write. Errors: `corrupt`, `unsupported-version`. */
  add(record: FrameRecord): boolean {
    const frame = openFrame(record.frame);
    const { shard, shardCount } = this.state.options;
    if (frame.kind !== 'points') throw corruptSnapshot('a frame that is not of points');
    const { header } = frame.points;
    if (header.shard !== shard || header.shardCount !== shardCount) {
      throw corruptSnapshot('a frame of another shard');
    }
    this.staged.push({ record, points: frame.points });
    this.bytes += record.frame.length;
    return this.bytes >= frameBytesMax || this.staged.length >= frameCountMax;
  }

  /** Only while nothing else changes files. Durable when it resolves, with the files that it changed. */
  async write(pacer: Pacer): Promise<PartitionFile[]> {
    const { state, staged } = this;
    const memtable = new Memtable();
    for (const one of staged) {
      this.apply(memtable, one);
      if (pacer.isDue) await pacer.breathe();
    }
    this.clear();
    const tasks = await planFlush(state, [memtable], pacer);
    const newFiles = tasks.map(({ file }) => file).filter((file) => !file.exists);
    await saveNames(state, [memtable], newFiles, pacer);
    const changed: PartitionFile[] = [];
    for (const task of tasks) {
      changed.push(...(await flushTask(state, task, { stableHlc: 0, lsn: 0 }, pacer)));
    }
    return changed;
  }

  private apply(memtable: Memtable, { record, points }: StagedFrame): void {
    const { state } = this;
    const { dbId, rpId } = points.header;
    if (state.isDropped(dbId, rpId)) return;
    const { columnKeys } = points;
    const fields = new Uint32Array(columnKeys.length);
    for (let i = 0; i < fields.length; i++) {
      fields[i] = state.fieldNames.numberOf(columnKeys[i]!.name, columnKeys[i]!.type);
    }
    const origin = state.origins.numberOf(record.origin);
    const part = memtable.part(dbId, rpId, () => state.database(dbId));
    part.add({ points, hlc: record.hlc, origin, lsn: lsnOfNone, fields });
  }
}
