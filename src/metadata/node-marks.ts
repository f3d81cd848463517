/**
 * What the operator wants of nodes, as records in the metadata store: the controller follows them, whoever it is.
 *
 * `drain`: no replica shall be on the node. `remove`: the same, and while it is away nobody waits for it.
 */

import { CitadelError } from '../base/errors.ts';
import { parseRecord, renderRecord } from './catalog-records.ts';
import type { MetaRecord } from './meta-store.ts';

export type NodeMark = 'drain' | 'remove';

export function renderMark(mark: NodeMark): string {
  return renderRecord({ mark });
}

/** @throws CitadelError `corrupt` */
export function readMark(record: MetaRecord): NodeMark {
  const { mark } = parseRecord(record);
  if (mark !== 'drain' && mark !== 'remove') {
    throw new CitadelError('corrupt', `cannot read metadata record '${record.key}'`);
  }
  return mark;
}
