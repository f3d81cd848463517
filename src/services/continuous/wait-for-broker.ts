/** What an owner waits for at another node: that its broker heeds an announcement, or that it is gone. */

import { CitadelError } from '../../base/errors.ts';
import { encodeName } from '../../metadata/meta-keys.ts';
import type { MetaRecord } from '../../metadata/meta-store.ts';
import type { ServiceParts } from '../parts.ts';
import type { AgreedState } from './agreed-state.ts';
import { heededKey, readHeeded } from './records.ts';

/**
 * Resolves with whether the broker of the record is gone. From a broker that heeds the announcement this
 * node takes over which entries no read may miss.
 *
 * @throws CitadelError `unavailable` when the signal fires first
 */
export async function waitForBroker(
  { self, broker }: Pick<ServiceParts, 'self' | 'broker'>,
  state: AgreedState,
  record: MetaRecord,
  revision: number,
  signal: AbortSignal,
): Promise<boolean> {
  const name = record.key.slice(heededKey('').length);
  if (name === encodeName(self)) return false;
  const { incarnation } = readHeeded(record);
  const look = () => state.heeded.get(name)?.value;
  const isGone = () => state.revision >= revision && look()?.incarnation !== incarnation;
  const isDone = await state.waitUntil(() => {
    return isGone() || (look()?.revision ?? 0) >= revision;
  }, signal);
  if (!isDone) {
    const message = `node ${name} does not say that its writes are settled`;
    throw new CitadelError('unavailable', message);
  }
  if (isGone()) return true;
  broker.heed(look()?.marks ?? []);
  return false;
}
