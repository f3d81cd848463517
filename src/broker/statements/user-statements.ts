/** Users and what they may do: made, changed and listed. Who may run this is decided before (access/rights.ts). */

import type {
  CreateUserStatement,
  GrantStatement,
  SetPasswordStatement,
} from '../../influxql/statement.ts';
import type { AdminCatalog } from '../../metadata/admin-view.ts';
import type { Catalog } from '../../metadata/catalog-view.ts';
import { userNotFound } from '../../metadata/policy-rules.ts';
import type { SeriesPiece } from '../../query/result.ts';
import { makeTable } from './make-table.ts';

export function createUser(
  admin: AdminCatalog,
  { name, password, admin: isAdmin }: CreateUserStatement,
): Promise<void> {
  return admin.createUser(name, password, isAdmin);
}

export function setPassword(
  admin: AdminCatalog,
  { name, password }: SetPasswordStatement,
): Promise<void> {
  return admin.setPassword(name, password);
}

/** GRANT and REVOKE; without a database it is the right to everything. */
export function changePrivilege(
  admin: AdminCatalog,
  { kind, user, database, privilege }: GrantStatement,
): Promise<void> {
  if (database === undefined) return admin.setAdmin(user, kind === 'grant');
  return kind === 'grant'
    ? admin.grant(user, database, privilege)
    : admin.revoke(user, database, privilege);
}

export function showUsers({ view }: AdminCatalog): SeriesPiece {
  const rows = view.users.map(({ name, isAdmin }) => [name, isAdmin]);
  return makeTable('', ['user', 'admin'], rows);
}

/** @throws CitadelError `not-found` */
export function showGrants({ view, admin }: Catalog, userName: string): SeriesPiece {
  const user = admin.view.user(userName);
  if (user === undefined) throw userNotFound();
  const names = new Map(view.databases.map(({ id, name }) => [id, name]));
  const rows = admin.view.grants(user.id).flatMap(({ dbId, privilege }) => {
    const database = names.get(dbId);
    return database === undefined ? [] : [[database, privilege]];
  });
  return makeTable('', ['database', 'privilege'], rows);
}
