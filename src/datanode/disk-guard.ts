/**
 * Survives a full disk: a ballast file keeps room back. When something does not fit, the ballast goes, so
 * that flushes, trimming and removal can go on while writes are refused; when there is room again it is
 * rebuilt and writes resume.
 */

import { CitadelError } from '../base/errors.ts';
import type { Disk, Env, TimerHandle } from '../env/env.ts';

const ballastFile = 'ballast';
const pieceBytes = 1024 * 1024;
const checkMs = 1_000;
/** Of a small disk the ballast takes no more than this share of what is free. */
const freeShareMax = 1 / 16;
/** Writes resume only when so many times the ballast fits. */
const resumeFactor = 2;

export interface DiskGuardOptions {
  readonly env: Pick<Env, 'timers' | 'log' | 'rng'>;
  readonly disk: Disk;
  readonly ballastBytes: number;
  /** Told of every change. */
  readonly onChange: (full: boolean) => void;
}

export class DiskGuard {
  readonly #options: DiskGuardOptions;
  readonly #size: number;
  #full = false;
  #timer: TimerHandle | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(options: DiskGuardOptions, size: number) {
    this.#options = options;
    this.#size = size;
  }

  get isFull(): boolean {
    return this.#full;
  }

  /** Something did not fit. */
  noteFull(): void {
    if (this.#full) return;
    this.#full = true;
    const { env, onChange } = this.#options;
    env.log.error('disk full, writes are refused until there is room');
    onChange(true);
    this.#working = this.#working.then(() => this.#release());
    this.#timer = env.timers.every(checkMs, () => {
      this.#working = this.#working.then(() => this.#check());
    });
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#working;
  }

  async #release(): Promise<void> {
    await this.#options.disk.remove(ballastFile).catch(() => undefined);
    // Flushes that failed for lack of room may be tried again now.
    this.#options.onChange(true);
  }

  async #check(): Promise<void> {
    if (!this.#full) return;
    const { disk, env, onChange } = this.#options;
    try {
      if ((await disk.freeBytes()) < this.#size * resumeFactor) return;
      await writeBallast(disk, env.rng.bytes(pieceBytes), this.#size);
    } catch {
      await disk.remove(ballastFile).catch(() => undefined);
      return;
    }
    this.#full = false;
    this.#timer?.cancel();
    env.log.info('room on the disk again, writes resume');
    onChange(false);
  }
}

/** Bytes that no file system can shrink. */
async function writeBallast(disk: Disk, piece: Uint8Array, size: number): Promise<void> {
  const file = await disk.open(ballastFile, 'create');
  try {
    for (let written = 0; written < size; written += piece.length) {
      await file.append([piece.subarray(0, Math.min(piece.length, size - written))]);
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function findBallast(disk: Disk): Promise<number> {
  try {
    const file = await disk.open(ballastFile, 'read');
    const size = await file.size();
    await file.close();
    return size;
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return 0;
    throw error;
  }
}

/** Makes the ballast if it fits; a disk that is already full is told through `onChange`. */
export async function openDiskGuard(options: DiskGuardOptions): Promise<DiskGuard> {
  const { disk, env, ballastBytes } = options;
  const existing = await findBallast(disk);
  const free = (await disk.freeBytes()) + existing;
  const size = Math.min(ballastBytes, Math.floor((free * freeShareMax) / 4096) * 4096);
  // One made when more or less was free is as good.
  const fits = existing > 0 && existing <= ballastBytes && existing >= size / 2;
  if (fits) return new DiskGuard(options, existing);
  const guard = new DiskGuard(options, Math.max(size, 4096));
  try {
    if (existing > 0) await disk.remove(ballastFile);
    if (size > 0) await writeBallast(disk, env.rng.bytes(pieceBytes), size);
  } catch (error) {
    if (!(error instanceof CitadelError) || error.code !== 'disk-full') throw error;
    guard.noteFull();
  }
  return guard;
}
