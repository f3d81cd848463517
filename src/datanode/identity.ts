/**
 * The identity file of a data directory: JSON with a checksum over its own facts.
 *
 * Written once; a directory whose identity is damaged or from a newer release is refused, never guessed.
 */

import { crc32 } from 'node:zlib';
import { CitadelError } from '../base/errors.ts';
import type { Rng } from '../env/env.ts';

export const identityFile = 'citadel.json';
const magic = 'citadel data directory';
const formatVersionNow = 1;
const featureLevelNow = 1;
export const shardCountDefault = 16;
const logCountDefault = 2;

/** Written once, when the directory is first used; only `featureLevel` may rise later. */
export interface DataDirectoryIdentity {
  /** This node's id. */
  readonly uuid: string;
  /** Of this copy of the data; new for every new directory. */
  readonly storeId: string;
  readonly clusterUuid: string;
  readonly formatVersion: number;
  readonly featureLevel: number;
  readonly shardCount: number;
  readonly logCount: number;
}

function makeUuid(rng: Rng): string {
  const bytes = rng.bytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return [0, 8, 12, 16, 20].map((at, i, ats) => hex.slice(at, ats[i + 1])).join('-');
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function logCountFor(shardCount: number): number {
  return Math.min(logCountDefault, shardCount);
}

export function makeIdentity(
  rng: Rng,
  chosen: { readonly uuid: string; readonly shardCount: number | undefined },
): DataDirectoryIdentity {
  const shardCount = chosen.shardCount ?? shardCountDefault;
  return {
    uuid: chosen.uuid === '' ? makeUuid(rng) : chosen.uuid,
    storeId: makeUuid(rng),
    clusterUuid: makeUuid(rng),
    formatVersion: formatVersionNow,
    featureLevel: featureLevelNow,
    shardCount,
    logCount: logCountFor(shardCount),
  };
}

function checksum(identity: DataDirectoryIdentity): number {
  return crc32(JSON.stringify(identity));
}

export function encodeIdentity(identity: DataDirectoryIdentity): Uint8Array {
  const text = JSON.stringify({ magic, ...identity, checksum: checksum(identity) }, undefined, 2);
  return new TextEncoder().encode(`${text}\n`);
}

function damaged(path: string): CitadelError {
  return new CitadelError('corrupt', `cannot read ${path}/${identityFile}: it is damaged`, {
    details: { path },
  });
}

type StoredIdentity = DataDirectoryIdentity & { readonly magic: string; readonly checksum: number };

function parseJson(bytes: Uint8Array, path: string): Partial<StoredIdentity> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === 'object' && value !== null) return value as Partial<StoredIdentity>;
  } catch (error) {
    throw new CitadelError('corrupt', damaged(path).message, { cause: error, details: { path } });
  }
  throw damaged(path);
}

/** `path`: of the data directory, for messages. Errors: `corrupt`, `unsupported-version`. */
export function decodeIdentity(bytes: Uint8Array, path: string): DataDirectoryIdentity {
  const fields = parseJson(bytes, path);
  if (fields.magic !== magic) throw damaged(path);
  const version = fields.formatVersion;
  if (typeof version === 'number' && version !== formatVersionNow) {
    throw new CitadelError(
      'unsupported-version',
      `cannot use data directory ${path}: its format version is ${version}, this release knows ${formatVersionNow}; use a newer release`,
      { details: { path, version } },
    );
  }
  const { magic: _, checksum: stated, ...identity } = fields;
  const known = identity as DataDirectoryIdentity;
  if (stated !== checksum(known)) throw damaged(path);
  if (known.featureLevel > featureLevelNow) {
    throw new CitadelError(
      'unsupported-version',
      `cannot use data directory ${path}: its feature level is ${known.featureLevel}, this release knows up to ${featureLevelNow}; use a newer release`,
      { details: { path, featureLevel: known.featureLevel } },
    );
  }
  return Object.freeze(known);
}
