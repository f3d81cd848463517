/** What clients did and what became of it: the material of the checkers. */

import type { WriteLevel } from '../../src/replication/replica-events.ts';
import type { Stamp } from './sim-store.ts';

interface OpBase {
  readonly index: number;
  readonly client: string;
  readonly level: WriteLevel;
  readonly invokedMs: number;
  /** Sequence and origin of the entry it became, as acknowledged. */
  stamp: Stamp | undefined;
  sequence: number;
  ackedMs: number | undefined;
  levelReached: WriteLevel | undefined;
  /** Nodes that had it durably when it was acknowledged. */
  copies: readonly string[];
  /** Node that gave it its stamp. */
  acceptor: string | undefined;
  /** Nodes that took it from the client; a retry may have made a second entry. */
  readonly acceptors: Set<string>;
}

export interface WriteOp extends OpBase {
  readonly kind: 'write';
  readonly cell: number;
}

export interface DeleteOp extends OpBase {
  readonly kind: 'delete';
  /** Cells [low, high). */
  readonly low: number;
  readonly high: number;
}

export type Op = WriteOp | DeleteOp;

export interface ReadOp {
  readonly client: string;
  readonly cell: number;
  readonly level: 'one' | 'primary' | 'quorum';
  readonly invokedMs: number;
  readonly endedMs: number;
  readonly node: string;
  readonly stamp: Stamp | undefined;
  readonly op: number | undefined;
}

export function covers(op: Op, cell: number): boolean {
  return op.kind === 'write' ? op.cell === cell : op.low <= cell && cell < op.high;
}

/** Whether they have a cell in common. */
export function overlap(a: Op, b: Op): boolean {
  if (a.kind === 'write') return covers(b, a.cell);
  return b.kind === 'write' ? covers(a, b.cell) : a.low < b.high && b.low < a.high;
}

const frameSize = 16;

/** A frame that only names the operation; the checksum is where a WriteFrame has it. */
export function encodeOp(index: number): Uint8Array {
  const frame = new Uint8Array(frameSize);
  const view = new DataView(frame.buffer);
  view.setUint32(0, index, true);
  view.setUint32(8, index + 1, true);
  return frame;
}

export function opIndexOf(frame: Uint8Array): number {
  return (frame[0]! | (frame[1]! << 8) | (frame[2]! << 16) | (frame[3]! << 24)) >>> 0;
}

export function writeIdOf(index: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, index, true);
  return id;
}
