/**
 * Names of the numbers in an encoded replica message (docs/formats/peer-message.md): kinds, phases, flags, places.
 */

import type { PeerBodyKind, ReplicaPhase } from './peer-message.ts';

/** `CRPM` */
export const messageMagic = 0x4d505243;
export const messageVersion = 1;

export const headSizeAt = 8;
export const checksumAt = 12;
export const fixedSize = 40;

export const flag = {
  record: 1,
  partial: 2,
  leaving: 4,
  accepts: 8,
  urgent: 16,
  learner: 32,
  recordLeaving: 64,
  degraded: 128,
  isNew: 256,
  preferred: 512,
} as const;

export const knownFlags = 1023;

/** Index = code; append only. */
export const bodyKinds: readonly PeerBodyKind[] = [
  'push',
  'standing',
  'pull',
  'entries',
  'pull-end',
  'snapshot-offer',
  'rebuild',
];

export const phases: readonly ReplicaPhase[] = ['empty', 'catching-up', 'active', 'rebuilding'];
