/**
 * Keeps the hybrid clock's reservation durable, ahead of the stamps given: after a crash the clock starts
 * above every stamp that may have been given before, wherever the wall clock is then.
 *
 * File: 24 bytes, docs/formats/commit-log.md (`stamps`).
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import type { Clock, Disk } from '../../env/env.ts';
import type { Hlc } from '../../model/entry.ts';
import type { HybridClock } from '../../replication/hybrid-clock.ts';

const magic = 0x48535443;
const versionNow = 1;
const fileSize = 24;

function encodeReserve(to: Hlc): Uint8Array {
  const bytes = new Uint8Array(fileSize);
  const view = viewOf(bytes);
  view.setUint32(0, magic, true);
  view.setUint16(4, versionNow, true);
  view.setBigUint64(8, BigInt(to), true);
  view.setUint32(20, crc32(bytes.subarray(0, 20)), true);
  return bytes;
}

function decodeReserve(bytes: Uint8Array, file: string): Hlc {
  const view = viewOf(bytes);
  const whole = bytes.length === fileSize && view.getUint32(0, true) === magic;
  if (!whole || view.getUint32(20, true) !== crc32(bytes.subarray(0, 20))) {
    throw new CitadelError('corrupt', `cannot read ${file}: it is damaged`, { details: { file } });
  }
  if (view.getUint16(4, true) !== versionNow || view.getUint16(6, true) !== 0) {
    throw new CitadelError('unsupported-version', `cannot read ${file}: it needs a newer release`);
  }
  return Number(view.getBigUint64(8, true));
}

export class StampReserve {
  readonly #disk: Disk;
  readonly #file: string;
  readonly #wall: Clock;
  readonly #clock: HybridClock;
  #extending: Promise<void> | undefined;

  constructor(disk: Disk, file: string, wall: Clock, clock: HybridClock) {
    this.#disk = disk;
    this.#file = file;
    this.#wall = wall;
    this.#clock = clock;
  }

  /** Resolves when stamps can be given again. Concurrent calls share one write. */
  extend(): Promise<void> {
    this.#extending ??= this.#write().finally(() => {
      this.#extending = undefined;
    });
    return this.#extending;
  }

  /** Extends in time, so that no write has to wait. */
  get isLow(): boolean {
    return this.#clock.wantedReservation(this.#wall.wallMs()) !== undefined;
  }

  async #write(): Promise<void> {
    const to = this.#clock.wantedReservation(this.#wall.wallMs());
    if (to === undefined) return;
    await this.#disk.writeAtomic(this.#file, encodeReserve(to));
    this.#clock.reserved(to);
  }
}

/**
 * The stamp up to which earlier runs may have given stamps; 0 = never ran, undefined = the file is damaged.
 * Errors: `unsupported-version`.
 */
export async function loadReserve(disk: Disk, file: string): Promise<Hlc | undefined> {
  try {
    return decodeReserve(await disk.readAll(file), file);
  } catch (error) {
    if (!(error instanceof CitadelError)) throw error;
    if (error.code === 'not-found') return 0;
    if (error.code === 'corrupt') return undefined;
    throw error;
  }
}
