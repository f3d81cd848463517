/**
 * The operator wants copies evened out now, and more so than the controller does unasked: a record in the metadata store that
 * goes when it is done, so that it does not matter who is the controller meanwhile.
 */

import { CitadelError } from '../base/errors.ts';
import { parseRecord, renderRecord } from './catalog-records.ts';
import type { MetaRecord } from './meta-store.ts';

/** `count`: only their number on each node; `load`: that first, then what the nodes hold and take in. */
export type BalanceBy = 'count' | 'load';

export interface BalanceWish {
  readonly by: BalanceBy;
  /** The metadata store's revision of this wish: what is fulfilled is this one, and no later one. */
  readonly revision: number;
}

export function isBalanceBy(text: unknown): text is BalanceBy {
  return text === 'count' || text === 'load';
}

export function renderBalance(by: BalanceBy): string {
  return renderRecord({ by });
}

/** @throws CitadelError `corrupt` */
export function readBalance(record: MetaRecord): BalanceWish {
  const { by } = parseRecord(record);
  if (isBalanceBy(by)) return { by, revision: record.modRevision };
  throw new CitadelError('corrupt', `cannot read metadata record '${record.key}'`);
}
