/**
 * Replica messages as bytes and back. Layout: docs/formats/peer-message.md. Frames go as they are, 8-aligned on both sides;
 * they have checksums of their own, the head has one here.
 */

import { crc32 } from 'node:zlib';
import { align8, ByteReader, ByteWriter, viewOf } from '../base/bytes.ts';
import { CitadelError } from '../base/errors.ts';
import { decodeText, encodeText } from '../base/text.ts';
import type { ShardRecord } from '../model/cluster.ts';
import {
  bodyKinds,
  checksumAt,
  fixedSize,
  flag,
  headSizeAt,
  knownFlags,
  messageMagic,
  messageVersion,
  phases,
} from './message-layout.ts';
import type {
  MessageHead,
  PeerBody,
  PeerBodyKind,
  PeerEntry,
  ReplicaMessage,
  StabilityReport,
  Standing,
} from './peer-message.ts';
import type { Versions } from './version-vector.ts';

const writeIdSize = 16;
const maxU32 = 0xffff_ffff;
const originPattern = /^[0-9a-f]{16}$/;

/** Reused: encoding never yields. */
const writer = new ByteWriter(1_024);

export function encodeMessage({ head, body }: ReplicaMessage): Uint8Array {
  const entries = entriesOf(body);
  writer.clear();
  writer.u32(messageMagic);
  writer.u8(messageVersion);
  writer.u8(bodyKinds.indexOf(body.kind));
  writer.u16(flagsOf(head, body));
  writer.u32(0);
  writer.u32(0);
  writer.f64(head.hlc);
  writer.f64(head.wallMs);
  writer.f64(head.recordVersion);
  if (head.record !== undefined) putRecord(head.record);
  if ('standing' in body) putStanding(body.standing);
  if (body.kind === 'pull') {
    putVersions(body.received);
    writer.varint(body.prepare);
  }
  if (body.kind === 'rebuild') putVersions(body.gcVersions);
  if (body.kind === 'pull' || body.kind === 'pull-end') {
    writer.varint(body.id);
    writer.varint(body.reports.length);
    for (const report of body.reports) putReport(report);
  }
  putEntryHeads(entries);
  writer.pad8();
  return finish(entries);
}

/** Errors: `corrupt`, `unsupported-version`. Frames are views of `bytes`, or copies where it is not 8-aligned. */
export function decodeMessage(bytes: Uint8Array): ReplicaMessage {
  const { kind, flags, headSize } = openHead(bytes);
  const reader = new ByteReader(bytes.subarray(0, headSize), 16);
  const hlc = takeWhole(reader.f64());
  const wallMs = reader.f64();
  const recordVersion = takeWhole(reader.f64());
  const record = (flags & flag.record) === 0 ? undefined : takeRecord(reader, flags);
  const head = { hlc, wallMs, recordVersion, record };
  const hasStanding = kind !== 'push' && kind !== 'entries';
  const standing = hasStanding ? takeStanding(reader, flags) : undefined;
  const question = { received: {} as Versions, prepare: 0 };
  if (kind === 'pull') {
    question.received = takeVersions(reader);
    question.prepare = reader.varint();
  }
  const gcVersions = kind === 'rebuild' ? takeVersions(reader) : {};
  const isPull = kind === 'pull' || kind === 'pull-end';
  const id = isPull ? reader.varint() : 0;
  const reports = isPull ? takeReports(reader) : [];
  const entries = takeEntries(reader, bytes, headSize);
  if (headSize - reader.position >= 8) throw broken('its head is too long');
  const isUrgent = (flags & flag.urgent) !== 0;
  const parts = { kind, standing, ...question, gcVersions, isUrgent, id, reports };
  return { head, body: toBody(parts, entries) };
}

interface Parts {
  readonly kind: PeerBodyKind;
  readonly standing: Standing | undefined;
  readonly received: Versions;
  readonly prepare: number;
  readonly gcVersions: Versions;
  readonly isUrgent: boolean;
  readonly id: number;
  readonly reports: readonly StabilityReport[];
}

function toBody(parts: Parts, entries: readonly PeerEntry[]): PeerBody {
  const { kind, standing, received, prepare, isUrgent, id, reports } = parts;
  if (kind === 'push') {
    const [entry] = entries;
    if (entry === undefined || entries.length > 1) throw broken('a push has one entry');
    return { kind, entry };
  }
  if (kind === 'entries') return { kind, entries };
  if (standing === undefined || entries.length > 0)
    throw broken('it has entries that do not belong');
  if (kind === 'pull') return { kind, standing, received, isUrgent, prepare, id, reports };
  if (kind === 'pull-end') return { kind, standing, id, reports };
  if (kind === 'rebuild') return { kind, standing, gcVersions: parts.gcVersions };
  return { kind, standing };
}

function entriesOf(body: PeerBody): readonly PeerEntry[] {
  if (body.kind === 'push') return [body.entry];
  return body.kind === 'entries' ? body.entries : [];
}

function flagsOf({ record }: MessageHead, body: PeerBody): number {
  let flags = 0;
  if (record !== undefined) {
    flags |= flag.record;
    if (record.learner !== undefined) flags |= flag.learner;
    if (record.leaving !== undefined) flags |= flag.recordLeaving;
    if (record.preferred !== undefined) flags |= flag.preferred;
    if (record.degraded) flags |= flag.degraded;
    if (record.isNew) flags |= flag.isNew;
  }
  if ('standing' in body) {
    if (body.standing.isPartial) flags |= flag.partial;
    if (body.standing.isLeaving) flags |= flag.leaving;
    if (body.standing.canAccept) flags |= flag.accepts;
  }
  if (body.kind === 'pull' && body.isUrgent) flags |= flag.urgent;
  return flags;
}

function finish(entries: readonly PeerEntry[]): Uint8Array {
  const headSize = writer.size;
  writer.setU32(headSizeAt, headSize);
  writer.setU32(checksumAt, crc32(writer.written()));
  let size = headSize;
  for (const { frame } of entries) size += align8(frame.length);
  const bytes = new Uint8Array(size);
  bytes.set(writer.written());
  let at = headSize;
  for (const { frame } of entries) {
    bytes.set(frame, at);
    at += align8(frame.length);
  }
  return bytes;
}

function openHead(bytes: Uint8Array): { kind: PeerBodyKind; flags: number; headSize: number } {
  if (bytes.length < fixedSize) throw broken('it is too short');
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== messageMagic) throw broken('it does not begin like one');
  const version = view.getUint8(4);
  if (version !== messageVersion) throw tooNew();
  const headSize = view.getUint32(headSizeAt, true);
  if (headSize % 8 !== 0 || headSize < fixedSize || headSize > bytes.length) {
    throw broken('its head has no possible size');
  }
  // The field itself was 0 when the sum was taken.
  const zero = new Uint8Array(4);
  let sum = crc32(bytes.subarray(0, checksumAt));
  sum = crc32(zero, sum);
  sum = crc32(bytes.subarray(checksumAt + 4, headSize), sum);
  if (sum !== view.getUint32(checksumAt, true)) throw broken('its checksum is wrong');
  const flags = view.getUint16(6, true);
  const kind = bodyKinds[view.getUint8(5)];
  if (kind === undefined || (flags & ~knownFlags) !== 0) throw tooNew();
  return { kind, flags, headSize };
}

function putText(text: string): void {
  const bytes = encodeText(text);
  writer.varint(bytes.length);
  writer.put(bytes);
}

function takeText(reader: ByteReader): string {
  return decodeText(reader.span(reader.varint()));
}

function putOrigin(origin: string): void {
  if (!originPattern.test(origin)) throw new CitadelError('internal', `no origin: ${origin}`);
  writer.u32(Number.parseInt(origin.slice(8), 16));
  writer.u32(Number.parseInt(origin.slice(0, 8), 16));
}

function takeOrigin(reader: ByteReader): string {
  const low = reader.u32().toString(16).padStart(8, '0');
  return reader.u32().toString(16).padStart(8, '0') + low;
}

function putVersions(versions: Versions): void {
  const origins = Object.keys(versions);
  writer.varint(origins.length);
  for (const origin of origins) {
    putOrigin(origin);
    writer.varint(versions[origin] ?? 0);
  }
}

function takeVersions(reader: ByteReader): Versions {
  const count = reader.varint();
  const versions: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const origin = takeOrigin(reader);
    versions[origin] = reader.varint();
  }
  return versions;
}

function putRecord(record: ShardRecord): void {
  const { shard, epoch, primary, replicas, learner, leaving, version, revision } = record;
  writer.varint(shard);
  writer.varint(epoch);
  writer.varint(version);
  writer.varint(revision);
  putText(primary);
  writer.varint(replicas.length);
  for (const node of replicas) putText(node);
  if (learner !== undefined) putText(learner);
  if (leaving !== undefined) putText(leaving);
  if (record.preferred !== undefined) putText(record.preferred);
}

function takeRecord(reader: ByteReader, flags: number): ShardRecord {
  const shard = reader.varint();
  const epoch = reader.varint();
  const version = reader.varint();
  const revision = reader.varint();
  const primary = takeText(reader);
  const count = reader.varint();
  const replicas: string[] = [];
  for (let i = 0; i < count; i++) replicas.push(takeText(reader));
  const learner = (flags & flag.learner) === 0 ? undefined : takeText(reader);
  const leaving = (flags & flag.recordLeaving) === 0 ? undefined : takeText(reader);
  const preferred = (flags & flag.preferred) === 0 ? undefined : takeText(reader);
  const degraded = (flags & flag.degraded) !== 0;
  const isNew = (flags & flag.isNew) !== 0;
  return {
    shard,
    epoch,
    primary,
    replicas,
    learner,
    leaving,
    degraded,
    isNew,
    preferred,
    version,
    revision,
  };
}

function putStanding(standing: Standing): void {
  writer.u8(phases.indexOf(standing.phase));
  writer.u32(Math.min(standing.primarySilentMs, maxU32));
  writer.varint(standing.promised);
  putVersions(standing.versions);
}

function takeStanding(reader: ByteReader, flags: number): Standing {
  const phase = phases[reader.u8()];
  if (phase === undefined) throw tooNew();
  const primarySilentMs = reader.u32();
  const promised = reader.varint();
  return {
    versions: takeVersions(reader),
    isPartial: (flags & flag.partial) !== 0,
    promised,
    isLeaving: (flags & flag.leaving) !== 0,
    phase,
    canAccept: (flags & flag.accepts) !== 0,
    primarySilentMs,
  };
}

function putReport(report: StabilityReport): void {
  putText(report.node);
  putOrigin(report.origin);
  writer.varint(report.count);
  writer.varint(report.floor);
  writer.varint(report.recordVersion);
  putVersions(report.versions);
  const seen = Object.entries(report.seen);
  writer.varint(seen.length);
  for (const [node, count] of seen) {
    putText(node);
    writer.varint(count);
  }
  writer.u8(report.isWaiting ? 1 : 0);
}

function takeReports(reader: ByteReader): StabilityReport[] {
  const count = reader.varint();
  const reports: StabilityReport[] = [];
  for (let i = 0; i < count; i++) {
    const node = takeText(reader);
    const origin = takeOrigin(reader);
    const number = reader.varint();
    const floor = reader.varint();
    const recordVersion = reader.varint();
    const versions = takeVersions(reader);
    const seen = takeSeen(reader);
    const isWaiting = reader.u8() !== 0;
    reports.push({ node, origin, count: number, floor, recordVersion, versions, seen, isWaiting });
  }
  return reports;
}

function takeSeen(reader: ByteReader): Record<string, number> {
  const count = reader.varint();
  const pairs: [string, number][] = [];
  for (let i = 0; i < count; i++) {
    const node = takeText(reader);
    pairs.push([node, reader.varint()]);
  }
  return Object.fromEntries(pairs);
}

function putEntryHeads(entries: readonly PeerEntry[]): void {
  writer.varint(entries.length);
  for (const { origin, sequence, hlc, epoch, writeId, frame } of entries) {
    putOrigin(origin);
    writer.varint(sequence);
    writer.varint(hlc);
    writer.varint(epoch);
    writer.put(writeId);
    writer.varint(frame.length);
  }
}

function takeEntries(reader: ByteReader, bytes: Uint8Array, headSize: number): PeerEntry[] {
  const count = reader.varint();
  const entries: PeerEntry[] = [];
  let at = headSize;
  for (let i = 0; i < count; i++) {
    const origin = takeOrigin(reader);
    const sequence = reader.varint();
    const hlc = reader.varint();
    const epoch = reader.varint();
    const writeId = reader.span(writeIdSize).slice();
    const size = reader.varint();
    if (at + size > bytes.length) throw broken('a frame is cut off');
    const view = bytes.subarray(at, at + size);
    const frame = view.byteOffset % 8 === 0 ? view : view.slice();
    entries.push({ origin, sequence, hlc, epoch, writeId, frame });
    at += align8(size);
  }
  if (at !== bytes.length) throw broken('it has bytes that do not belong');
  return entries;
}

function takeWhole(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw broken('a number in it is none');
  return value;
}

function broken(why: string): CitadelError {
  return new CitadelError('corrupt', `cannot read a replica message: ${why}`);
}

function tooNew(): CitadelError {
  return new CitadelError(
    'unsupported-version',
    'cannot read a replica message: it needs a newer release',
  );
}
