/** The partition files of one (database, retention policy), by time. */

import type { PartitionFile } from './partition-file.ts';

export class PartitionSet {
  readonly dbId: string;
  readonly rpId: string;
  /** By start; sound ones do not overlap, a quarantined one may lie beside its successor. */
  files: readonly PartitionFile[] = [];

  constructor(dbId: string, rpId: string) {
    this.dbId = dbId;
    this.rpId = rpId;
  }

  add(file: PartitionFile): void {
    this.files = [...this.files, file].sort((a, b) =>
      a.bounds.start < b.bounds.start ? -1 : a.bounds.start > b.bounds.start ? 1 : 0,
    );
  }

  remove(file: PartitionFile): void {
    this.files = this.files.filter((other) => other !== file);
  }

  /** The file that takes rows of this time. */
  writable(time: bigint): PartitionFile | undefined {
    let low = 0;
    let high = this.files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.files[middle]!.bounds.start <= time) low = middle + 1;
      else high = middle;
    }
    // Quarantined files may stand between; there are never many.
    for (let i = low - 1; i >= 0; i--) {
      const file = this.files[i]!;
      if (file.quarantine !== undefined) continue;
      return time < file.bounds.end ? file : undefined;
    }
    return undefined;
  }
}
