/** Begins a segment of a commit log: its head is durable before any group follows. */

import type { Disk, DiskFile, Rng } from '../../env/env.ts';
import { encodeSegmentHead, type SegmentHeader, segmentHeadSize } from './log-layout.ts';
import { type SegmentInfo, segmentFile } from './log-reader.ts';

export interface OpenSegment {
  readonly file: DiskFile;
  readonly info: SegmentInfo;
  readonly salt: number;
}

interface NewSegment {
  readonly env: { readonly rng: Rng };
  readonly disk: Disk;
  readonly directory: string;
  readonly logId: number;
}

/** Errors: `disk-full`, `unavailable`; nothing is left behind then. */
export async function createSegment(
  { env, disk, directory, logId }: NewSegment,
  place: Pick<SegmentHeader, 'number' | 'startPosition' | 'previousSyncedTo'>,
): Promise<OpenSegment> {
  const { number } = place;
  const path = segmentFile(directory, number);
  const salt = new DataView(env.rng.bytes(4).buffer).getUint32(0);
  const file = await disk.open(path, 'create');
  try {
    await file.append([encodeSegmentHead({ ...place, logId, salt })]);
    await file.datasync();
  } catch (error) {
    await file.close().catch(() => undefined);
    await disk.remove(path).catch(() => undefined);
    throw error;
  }
  const info = {
    file: path,
    number,
    sizeBytes: segmentHeadSize,
    lsnMax: new Map(),
    damaged: false,
  };
  return { file, info, salt };
}
