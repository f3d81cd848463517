/** What whoever sent a request may do, and the checks of it with InfluxDB's words for a refusal. */

import { CitadelError } from '../base/errors.ts';
import { printStatement } from '../influxql/print-statement.ts';
import type { Statement } from '../influxql/statement.ts';
import { type DatabaseRight, needsOf } from './statement-needs.ts';

/** Asked when it matters: what is granted and revoked counts at once, on connections that are open too. */
export interface Rights {
  /** Name of the user; '' = nobody. */
  readonly user: string;
  readonly isAdmin: boolean;
  /** Of a database that does not exist only an administrator may do anything. */
  may(right: DatabaseRight, database: string): boolean;
  /** There is no administrator yet, and where a client that may become the first one is. */
  readonly beforeFirstAdmin?: 'here' | 'elsewhere';
}

/** Of everybody while nobody is asked who he is, and of the node itself. */
export const allRights: Rights = { user: '', isAdmin: true, may: () => true };

export const noRights: Rights = { user: '', isAdmin: false, may: () => false };

function forbid(message: string): CitadelError {
  return new CitadelError('forbidden', message);
}

/** The one thing to do without an administrator: make one, in a request of its own, on this machine. */
function checkFirstStatements(statements: readonly Statement[], isHere: boolean): void {
  const [first] = statements;
  const makesAdmin = first?.kind === 'create-user' && first.admin && statements.length === 1;
  if (makesAdmin && isHere) return;
  const hint = makesAdmin ? ', from a loopback address of this server' : '';
  throw forbid(`create admin user first or disable authentication${hint}`);
}

function checkStatement(rights: Rights, statement: Statement, database: string): void {
  for (const need of needsOf(statement, database)) {
    const isGranted =
      need.right === 'ADMIN' ? rights.isAdmin : rights.may(need.right, need.database);
    if (isGranted) continue;
    const what = need.right === 'ADMIN' ? 'admin privilege' : `${need.right} on ${need.database}`;
    const text = printStatement(statement);
    throw forbid(`${rights.user} not authorized to execute statement '${text}', requires ${what}`);
  }
}

/**
 * All statements, before the first one runs. `database` is the request's.
 *
 * @throws CitadelError `forbidden` with what follows `error authorizing query: `
 */
export function checkStatements(
  rights: Rights,
  statements: readonly Statement[],
  database: string,
): void {
  if (rights.beforeFirstAdmin !== undefined) {
    checkFirstStatements(statements, rights.beforeFirstAdmin === 'here');
    return;
  }
  for (const statement of statements) checkStatement(rights, statement, database);
}

/** Whether `checkStatements` would let them pass. */
export function mayRun(
  rights: Rights,
  statements: readonly Statement[],
  database: string,
): boolean {
  if (rights.isAdmin) return true;
  try {
    checkStatements(rights, statements, database);
    return true;
  } catch (error) {
    if (error instanceof CitadelError) return false;
    throw error;
  }
}

/** @throws CitadelError `forbidden` */
export function checkDatabaseRight(rights: Rights, right: DatabaseRight, database: string): void {
  if (rights.may(right, database)) return;
  const verb = right === 'READ' ? 'read from' : 'write to';
  const quoted = JSON.stringify(database);
  if (rights.user === '') throw forbid(`user is required to ${verb} database ${quoted}`);
  const user = JSON.stringify(rights.user);
  throw forbid(`${user} user is not authorized to ${verb} database ${quoted}`);
}

/** `what` is done, as in `/cluster/drain`. @throws CitadelError `forbidden` */
export function checkAdmin(rights: Rights, what: string): void {
  if (rights.isAdmin) return;
  if (rights.beforeFirstAdmin !== undefined) {
    throw forbid('create admin user first or disable authentication');
  }
  throw forbid(
    `${JSON.stringify(rights.user)} user is not authorized to use ${what}, requires admin privilege`,
  );
}
