/** Records of users, grants, continuous queries and subscriptions as JSON text, and back. */

import { CitadelError } from '../base/errors.ts';
import type {
  ContinuousQuery,
  DatabasePrivilege,
  Grant,
  Subscription,
  User,
} from './admin-view.ts';
import { parseRecord, renderRecord } from './catalog-records.ts';
import { encodeName } from './meta-keys.ts';
import type { MetaRecord } from './meta-store.ts';

const privileges: readonly unknown[] = ['READ', 'WRITE', 'ALL PRIVILEGES', 'NO PRIVILEGES'];

type Fields<T> = { readonly [K in keyof T]: unknown };

/** The record's fields, of which all of these must be text. */
function readTexts<K extends string>(
  record: MetaRecord,
  names: readonly K[],
): Fields<Record<string, unknown>> & Record<K, string> {
  const fields = parseRecord(record);
  for (const name of names) if (typeof fields[name] !== 'string') throw corrupt(record);
  return fields as Record<string, unknown> & Record<K, string>;
}

function corrupt({ key }: MetaRecord): CitadelError {
  return new CitadelError('corrupt', `cannot read metadata record '${key}'`);
}

export function renderUser(user: User): string {
  return renderRecord({ ...user });
}

export function readUser(record: MetaRecord): User {
  const { id, name, passwordHash, isAdmin } = readTexts(record, ['id', 'name', 'passwordHash']);
  if (typeof isAdmin !== 'boolean') throw corrupt(record);
  return { id, name, passwordHash, isAdmin };
}

export function renderGrant(grant: Grant): string {
  return renderRecord({ ...grant });
}

export function readGrant(record: MetaRecord): Grant {
  const { dbId, userId, privilege } = readTexts(record, ['dbId', 'userId', 'privilege']);
  if (!privileges.includes(privilege)) throw corrupt(record);
  return { dbId, userId, privilege: privilege as DatabasePrivilege };
}

export function renderContinuousQuery(query: ContinuousQuery): string {
  const { createdNs, ...texts } = query;
  return renderRecord(createdNs === undefined ? texts : { ...texts, createdNs: String(createdNs) });
}

export function readContinuousQuery(record: MetaRecord): ContinuousQuery {
  const { dbId, name, text, createdNs } = readTexts(record, ['dbId', 'name', 'text']);
  if (createdNs === undefined) return { dbId, name, text, createdNs };
  if (typeof createdNs !== 'string' || !/^-?\d{1,20}$/.test(createdNs)) throw corrupt(record);
  return { dbId, name, text, createdNs: BigInt(createdNs) };
}

export function renderSubscription(subscription: Subscription): string {
  return renderRecord({ ...subscription });
}

export function readSubscription(record: MetaRecord): Subscription {
  const fields = readTexts(record, ['dbId', 'rpId', 'name', 'mode']);
  const { dbId, rpId, name, mode, destinations } = fields;
  // Records of earlier releases have neither.
  const { id = `-${encodeName(name)}`, createdMs = 0 } = fields;
  if (typeof id !== 'string' || typeof createdMs !== 'number') throw corrupt(record);
  if (mode !== 'ALL' && mode !== 'ANY') throw corrupt(record);
  if (!Array.isArray(destinations)) throw corrupt(record);
  if (!destinations.every((url) => typeof url === 'string')) throw corrupt(record);
  return { id, dbId, rpId, name, createdMs, mode, destinations };
}
