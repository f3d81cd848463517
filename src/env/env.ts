/**
 * The world as a value: clock, timers, randomness, disk and log come in through here, so that a
 * seeded simulation can stand in for all of it. The real one is in `node/`, the seeded one in `sim/`.
 *
 * Modules take the narrowest part they need (`clock: Clock`), not the whole `Env`.
 */

import type { Listeners } from './listeners.ts';
import type { Network } from './network.ts';

export interface Clock {
  /** Wall clock, ns since the Unix epoch. May jump. */
  wallNs(): bigint;
  /** Wall clock, ms since the Unix epoch. May jump. */
  wallMs(): number;
  /** Monotonic ms with a fraction; origin unspecified. */
  monotonicMs(): number;
}

export interface TimerHandle {
  cancel(): void;
}

export interface Timers {
  after(delayMs: number, run: () => void): TimerHandle;
  every(periodMs: number, run: () => void): TimerHandle;
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Lets pending I/O run: long loops await it between slices. */
  yieldNow(): Promise<void>;
}

export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
  bytes(size: number): Uint8Array;
}

/** Passwords as they may be stored: hashed with a salt, slow on purpose, never the clear text. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /** @throws CitadelError `corrupt` for text that `hash` never makes. */
  verify(password: string, stored: string): Promise<boolean>;
  /** A digest of texts under a key that only this process knows: quick, equal for equal texts, tells nothing of them. */
  fingerprint(texts: readonly string[]): string;
}

export interface MemoryUse {
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  readonly residentBytes: number;
}

/** The process and the machine under it. */
export interface Host {
  readonly hostname: string;
  readonly platform: string;
  readonly architecture: string;
  readonly runtimeVersion: string;
  readonly cpuCount: number;
  readonly processId: number;
  memory(): MemoryUse;
  /** So many bytes of buffers were let go on this thread: told of, they are given back sooner. */
  noteDropped(bytes: number): void;
}

/** An open file. Every failure throws CitadelError: `disk-full` for lack of room, else `unavailable`. */
export interface DiskFile {
  readonly path: string;
  /** Appends all parts in order; returns after the OS has them, not after they are durable. */
  append(parts: readonly Uint8Array[]): Promise<void>;
  /** Makes all appended bytes durable. After a failure the file must be closed and never trusted again. */
  datasync(): Promise<void>;
  read(offset: number, size: number): Promise<Uint8Array>;
  size(): Promise<number>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** Paths are relative to the data directory. Missing files: `not-found`. */
export interface Disk {
  readonly root: string;
  open(path: string, mode: 'create' | 'append' | 'read'): Promise<DiskFile>;
  readAll(path: string): Promise<Uint8Array>;
  /** Write to a temporary name, sync, rename, sync the directory. */
  writeAtomic(path: string, bytes: Uint8Array): Promise<void>;
  list(path: string): Promise<string[]>;
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A file or an empty directory. */
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** Bytes free for us on the file system. */
  freeBytes(): Promise<number>;
}

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A log whose every event also carries these fields. */
  with(fields: LogFields): Log;
}

export type LogFields = Readonly<Record<string, unknown>>;

export interface Env {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly rng: Rng;
  readonly log: Log;
  readonly passwords: Passwords;
  readonly host: Host;
  readonly listeners: Listeners;
  readonly network: Network;
  openDisk(root: string): Disk;
}
