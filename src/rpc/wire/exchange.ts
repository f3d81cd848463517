/** The two messages of an exchange between peers, to and from proto/citadel/internal/v1/peer.proto. */

import type { PeerMessage } from '../peer-api.ts';
import { decodeBatch, encodeBatch } from './peer-batch.ts';
import { fieldPrefix, ProtoReader, ProtoWriter } from './proto-wire.ts';

const request = { batch: 1, ping: 2, mapVersion: 3 } as const;
const answer = { pong: 1, mapVersion: 2 } as const;

export interface ExchangeRequest {
  readonly messages: readonly PeerMessage[];
  /** Counted from 1; 0 = no answer is wanted. */
  readonly ping: number;
  readonly mapVersion: number;
}

export interface ExchangeAnswer {
  readonly pong: number;
  readonly mapVersion: number;
}

export function encodeExchange({ messages, ping, mapVersion }: ExchangeRequest): Buffer {
  const facts = new ProtoWriter().varint(request.ping, ping);
  const head = facts.varint(request.mapVersion, mapVersion).finish();
  if (messages.length === 0) return head;
  // Fields may come in any order; the batch goes last, so that it is written in place.
  return encodeBatch(messages, (size) => Buffer.concat([head, fieldPrefix(request.batch, size)]));
}

/** @throws CitadelError `invalid-argument`, `corrupt`, `unsupported-version` */
export function decodeExchange(message: Uint8Array): ExchangeRequest {
  const reader = new ProtoReader(message);
  const batch = reader.bytes(request.batch);
  return {
    messages: batch === undefined ? [] : decodeBatch(batch),
    ping: reader.number(request.ping),
    mapVersion: reader.number(request.mapVersion),
  };
}

export function encodeAnswer({ pong, mapVersion }: ExchangeAnswer): Buffer {
  return new ProtoWriter().varint(answer.pong, pong).varint(answer.mapVersion, mapVersion).finish();
}

export function decodeAnswer(message: Uint8Array): ExchangeAnswer {
  const reader = new ProtoReader(message);
  return { pong: reader.number(answer.pong), mapVersion: reader.number(answer.mapVersion) };
}
