/** Statements about users, grants, subscriptions, continuous queries and running queries. */

import { findTimeDimension } from './dimensions.ts';
import { formatDuration } from './duration.ts';
import { parseSelect } from './parse-select.ts';
import { isRawQuery } from './select-shape.ts';
import type {
  CreateContinuousQueryStatement,
  CreateSubscriptionStatement,
  CreateUserStatement,
  DropInDatabaseStatement,
  DropSubscriptionStatement,
  ExplainStatement,
  GrantStatement,
  KillQueryStatement,
  Privilege,
  SetPasswordStatement,
} from './statement.ts';
import type { TokenStream } from './token-stream.ts';

const uint64Max = 18446744073709551615n;

export function parseUint64(p: TokenStream): bigint {
  const digits = p.integerText();
  if (!/^\d+$/.test(digits)) {
    throw p.failHere(`strconv.ParseUint: parsing "${digits}": invalid syntax`);
  }
  const value = BigInt(digits);
  if (value > uint64Max) {
    throw p.failHere(`strconv.ParseUint: parsing "${digits}": value out of range`);
  }
  return value;
}

export function parseExplain(p: TokenStream): ExplainStatement {
  const analyze = p.accept('ANALYZE');
  p.expect('SELECT');
  return { kind: 'explain', statement: parseSelect(p, 'optional'), analyze };
}

export function parseKillQuery(p: TokenStream): KillQueryStatement {
  return { kind: 'kill-query', id: parseUint64(p), host: p.accept('ON') ? p.ident() : '' };
}

export function parseCreateUser(p: TokenStream): CreateUserStatement {
  const name = p.ident();
  p.expect('WITH', 'PASSWORD');
  const password = p.string();
  const admin = p.accept('WITH');
  if (admin) p.expect('ALL', 'PRIVILEGES');
  return { kind: 'create-user', name, password, admin };
}

export function parseSetPassword(p: TokenStream): SetPasswordStatement {
  const name = p.ident();
  p.expect('=');
  return { kind: 'set-password', name, password: p.string() };
}

function parsePrivilege(p: TokenStream): Privilege {
  const token = p.next();
  if (token === 'READ' || token === 'WRITE') return token;
  if (token !== 'ALL') throw p.unexpected('READ', 'WRITE', 'ALL [PRIVILEGES]');
  p.accept('PRIVILEGES');
  return 'ALL PRIVILEGES';
}

/** GRANT ... TO and REVOKE ... FROM. Without a database it is the admin right, only ever whole. */
export function parseGrant(p: TokenStream, kind: GrantStatement['kind']): GrantStatement {
  const direction = kind === 'grant' ? 'TO' : 'FROM';
  const privilege = parsePrivilege(p);
  const token = p.next();
  if (token === 'ON') {
    const database = p.ident();
    p.expect(direction);
    return { kind, privilege, database, user: p.ident() };
  }
  if (privilege !== 'ALL PRIVILEGES') throw p.unexpected('ON');
  if (token !== direction) throw p.unexpected('ON', direction);
  return { kind, privilege, database: undefined, user: p.ident() };
}

/** `name ON db`. */
export function parseDropInDatabase(
  p: TokenStream,
  kind: DropInDatabaseStatement['kind'],
): DropInDatabaseStatement {
  const name = p.ident();
  p.expect('ON');
  return { kind, name, database: p.ident() };
}

/** `name ON db.rp`. */
function parseSubscriptionName(p: TokenStream) {
  const name = p.ident();
  p.expect('ON');
  const database = p.ident();
  if (p.scan() !== '.') throw p.unexpected('.');
  return { name, database, policy: p.ident() };
}

export function parseCreateSubscription(p: TokenStream): CreateSubscriptionStatement {
  const subject = parseSubscriptionName(p);
  p.expect('DESTINATIONS');
  const mode = p.next();
  if (mode !== 'ALL' && mode !== 'ANY') throw p.unexpected('ALL', 'ANY');
  return { kind: 'create-subscription', ...subject, mode, destinations: p.strings() };
}

export function parseDropSubscription(p: TokenStream): DropSubscriptionStatement {
  return { kind: 'drop-subscription', ...parseSubscriptionName(p) };
}

export function parseCreateContinuousQuery(p: TokenStream): CreateContinuousQueryStatement {
  const name = p.ident();
  p.expect('ON');
  const database = p.ident();
  const resample = p.accept('RESAMPLE') ? parseResample(p) : { everyNs: 0n, forNs: 0n };
  p.expect('BEGIN', 'SELECT');
  const source = parseSelect(p, 'required');
  const time = findTimeDimension(source.dimensions);
  if (!isRawQuery(source) && (time.error !== undefined || time.intervalNs === 0n)) {
    // The message points three tokens back, at the last word of the statement.
    p.unscan();
    p.unscan();
    p.next();
    throw p.unexpected('GROUP BY time(...)', ...(time.error === undefined ? [] : [time.error]));
  }
  p.expect('END');
  if (time.error !== undefined) throw p.fail(time.error);
  checkResample(p, resample, time.intervalNs);
  return {
    kind: 'create-continuous-query',
    name,
    database,
    source,
    resampleEveryNs: resample.everyNs,
    resampleForNs: resample.forNs,
  };
}

interface Resample {
  readonly everyNs: bigint;
  readonly forNs: bigint;
}

function parseResample(p: TokenStream): Resample {
  const everyNs = parseResamplePart(p, 'EVERY');
  const forNs = parseResamplePart(p, 'FOR');
  if (everyNs !== 0n || forNs !== 0n) return { everyNs, forNs };
  p.next();
  throw p.unexpected('EVERY', 'FOR');
}

function parseResamplePart(p: TokenStream, keyword: 'EVERY' | 'FOR'): bigint {
  if (!p.accept(keyword)) return 0n;
  p.next();
  return p.durationOfToken();
}

function checkResample(p: TokenStream, { everyNs, forNs }: Resample, intervalNs: bigint): void {
  const minimum = everyNs > intervalNs ? everyNs : intervalNs;
  if (forNs === 0n || minimum <= forNs) return;
  throw p.fail(
    `FOR duration must be >= GROUP BY time duration: must be a minimum of ${formatDuration(minimum)}, got ${formatDuration(forNs)}`,
  );
}
