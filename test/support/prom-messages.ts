/** Messages of Prometheus' remote storage, written and read the plain way, to test with. */

import { compress, uncompress } from 'snappyjs';
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts';

export interface PromSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Value and ms since the Unix epoch, each. */
  readonly samples: readonly (readonly [value: number, timeMs: number])[];
}

export interface PromMatcher {
  /** 0 =, 1 !=, 2 =~, 3 !~ */
  readonly type: number;
  readonly name: string;
  readonly value: string;
}

export interface PromQuery {
  readonly startMs: number;
  readonly endMs: number;
  readonly matchers: readonly PromMatcher[];
}

const twoTo64 = 2n ** 64n;

function putVarint(writer: ByteWriter, value: number): void {
  let rest = BigInt(value);
  if (rest < 0n) rest += twoTo64;
  for (; rest >= 128n; rest >>= 7n) writer.u8(Number(rest & 127n) | 128);
  writer.u8(Number(rest));
}

function putNumber(writer: ByteWriter, field: number, value: number): void {
  putVarint(writer, field * 8);
  putVarint(writer, value);
}

function putBytes(writer: ByteWriter, field: number, bytes: Uint8Array): void {
  putVarint(writer, field * 8 + 2);
  putVarint(writer, bytes.length);
  writer.put(bytes);
}

function message(fill: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  fill(writer);
  return writer.finish();
}

function encodeLabel(name: string, value: string): Uint8Array {
  return message((writer) => {
    putBytes(writer, 1, Buffer.from(name));
    putBytes(writer, 2, Buffer.from(value));
  });
}

function encodeSeries({ labels, samples }: PromSeries): Uint8Array {
  return message((writer) => {
    for (const [name, value] of Object.entries(labels)) {
      putBytes(writer, 1, encodeLabel(name, value));
    }
    for (const [value, timeMs] of samples) {
      const sample = message((inner) => {
        putVarint(inner, 9);
        inner.f64(value);
        putNumber(inner, 2, timeMs);
      });
      putBytes(writer, 2, sample);
    }
  });
}

export function encodeWriteRequest(series: readonly PromSeries[]): Uint8Array {
  return message((writer) => {
    for (const one of series) putBytes(writer, 1, encodeSeries(one));
    // Metadata, which nobody stores.
    putBytes(writer, 3, encodeLabel('counter', 'name'));
  });
}

export function encodeReadRequest(queries: readonly PromQuery[]): Uint8Array {
  return message((writer) => {
    for (const { startMs, endMs, matchers } of queries) {
      const query = message((inner) => {
        putNumber(inner, 1, startMs);
        putNumber(inner, 2, endMs);
        for (const { type, name, value } of matchers) {
          const matcher = message((innermost) => {
            if (type !== 0) putNumber(innermost, 1, type);
            putBytes(innermost, 2, Buffer.from(name));
            putBytes(innermost, 3, Buffer.from(value));
          });
          putBytes(inner, 3, matcher);
        }
      });
      putBytes(writer, 1, query);
    }
  });
}

export function pack(bytes: Uint8Array): Uint8Array {
  return compress(bytes);
}

function readVarint(reader: ByteReader): number {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = reader.u8();
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return Number(BigInt.asIntN(64, value));
  }
}

/** The fields of a message, each a number or bytes. */
function* fieldsOf(bytes: Uint8Array): Generator<[field: number, value: number | Uint8Array]> {
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) {
    const tag = readVarint(reader);
    const wire = tag % 8;
    if (wire === 0) yield [tag >> 3, readVarint(reader)];
    else if (wire === 1) yield [tag >> 3, reader.f64()];
    else yield [tag >> 3, reader.span(readVarint(reader))];
  }
}

function messagesOf(bytes: Uint8Array, field: number): Uint8Array[] {
  return [...fieldsOf(bytes)]
    .filter(([one]) => one === field)
    .map(([, value]) => value as Uint8Array);
}

function decodeLabel(bytes: Uint8Array): [string, string] {
  const [name, value] = [...fieldsOf(bytes)].map(([, part]) =>
    Buffer.from(part as Uint8Array).toString(),
  );
  return [name ?? '', value ?? ''];
}

function decodeSample(bytes: Uint8Array): [number, number] {
  const fields = new Map(fieldsOf(bytes));
  return [Number(fields.get(1) ?? 0), Number(fields.get(2) ?? 0)];
}

/** Of a packed ReadResponse: per query its series. */
export function decodeReadResponse(packed: Uint8Array): PromSeries[][] {
  return messagesOf(uncompress(packed), 1).map((result) =>
    messagesOf(result, 1).map((series) => ({
      labels: Object.fromEntries(messagesOf(series, 1).map(decodeLabel)),
      samples: messagesOf(series, 2).map(decodeSample),
    })),
  );
}
