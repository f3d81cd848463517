/** Statements about databases and retention policies, and what deletes data. */

import type { Source } from './ast.ts';
import { parseCondition, parseSources } from './parse-select.ts';
import type {
  CreateDatabaseStatement,
  DeleteStatement,
  PolicyClauses,
  RetentionPolicyStatement,
} from './statement.ts';
import type { TokenStream } from './token-stream.ts';
import type { Token } from './tokens.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const replicationMax = 2_147_483_647;
const int64Max = 9223372036854775807n;

function noClauses(): Mutable<PolicyClauses> {
  return {
    durationNs: undefined,
    shardGroupDurationNs: undefined,
    replication: undefined,
    futureLimitNs: undefined,
    pastLimitNs: undefined,
  };
}

export function parseCreateDatabase(p: TokenStream): CreateDatabaseStatement {
  const name = p.ident();
  if (!p.accept('WITH')) return { kind: 'create-database', name, policy: undefined };
  const first = p.next();
  const isLimit = first === 'IDENT' && /^(future|past)$/i.test(p.literal);
  if (!isLimit && !['DURATION', 'NAME', 'REPLICATION', 'SHARD'].includes(first)) {
    throw p.unexpected('DURATION', 'NAME', 'REPLICATION', 'SHARD');
  }
  p.unscan();
  const policy = { ...noClauses(), name: '' };
  if (p.accept('DURATION')) policy.durationNs = p.duration();
  if (p.accept('REPLICATION')) policy.replication = parseReplication(p);
  if (p.accept('SHARD')) {
    p.expect('DURATION');
    policy.shardGroupDurationNs = p.duration();
  }
  parseLimits(p, policy);
  if (p.accept('NAME')) policy.name = p.ident();
  return { kind: 'create-database', name, policy };
}

/** `FUTURE LIMIT d` and `PAST LIMIT d`; the words are no keywords. */
function parseLimits(p: TokenStream, policy: Mutable<PolicyClauses>): void {
  if (acceptLimit(p, 'future')) policy.futureLimitNs = p.duration();
  if (acceptLimit(p, 'past')) policy.pastLimitNs = p.duration();
}

function acceptLimit(p: TokenStream, word: string): boolean {
  const token = p.next();
  if (token !== 'IDENT' || p.literal.toLowerCase() !== word) {
    p.unscan();
    return false;
  }
  p.expect('LIMIT');
  return true;
}

function parseReplication(p: TokenStream): number {
  const digits = p.integerText();
  const count = BigInt(digits);
  if (count > int64Max) {
    throw p.failHere(`strconv.Atoi: parsing "${digits}": value out of range`);
  }
  if (count < 1n || count > replicationMax) {
    throw p.failHere(`invalid value ${count}: must be 1 <= n <= ${replicationMax}`);
  }
  return Number(count);
}

/** After SHARD. */
function parseShardDuration(p: TokenStream): bigint {
  p.expect('DURATION');
  if (p.next() === 'INF') throw p.failHere('invalid duration INF for shard duration');
  p.unscan();
  return p.duration();
}

export function parseCreatePolicy(p: TokenStream): RetentionPolicyStatement {
  const policy = noClauses();
  const name = p.ident();
  p.expect('ON');
  const database = p.ident();
  p.expect('DURATION');
  policy.durationNs = p.duration();
  p.expect('REPLICATION');
  policy.replication = parseReplication(p);
  if (p.accept('SHARD')) policy.shardGroupDurationNs = parseShardDuration(p);
  parseLimits(p, policy);
  const isDefault = p.accept('DEFAULT');
  return { kind: 'create-retention-policy', name, database, ...policy, isDefault };
}

export function parseAlterPolicy(p: TokenStream): RetentionPolicyStatement {
  const token = p.next();
  if (token !== 'DEFAULT' && token !== 'IDENT') throw p.unexpected('identifier');
  const name = token === 'DEFAULT' ? 'default' : p.literal;
  p.expect('ON');
  const database = p.ident();
  const policy = { ...noClauses(), isDefault: false };
  const found = new Set<string>();
  for (;;) {
    const option = nextOption(p);
    if (found.has(option)) throw p.failHere(`found duplicate ${option} option`);
    if (!parseOption(p, option, policy)) break;
    found.add(option);
  }
  if (found.size === 0) throw p.unexpected('DURATION', 'REPLICATION', 'SHARD', 'DEFAULT');
  p.unscan();
  return { kind: 'alter-retention-policy', name, database, ...policy };
}

function nextOption(p: TokenStream): Token | 'FUTURE' | 'PAST' {
  const token = p.next();
  const word = token === 'IDENT' ? p.literal.toUpperCase() : token;
  return word === 'FUTURE' || word === 'PAST' ? word : token;
}

/** False when the token is no option. */
function parseOption(
  p: TokenStream,
  option: string,
  policy: Mutable<PolicyClauses> & { isDefault: boolean },
): boolean {
  switch (option) {
    case 'DURATION':
      policy.durationNs = p.duration();
      return true;
    case 'REPLICATION':
      policy.replication = parseReplication(p);
      return true;
    case 'SHARD':
      policy.shardGroupDurationNs = parseShardDuration(p);
      return true;
    case 'FUTURE':
      p.expect('LIMIT');
      policy.futureLimitNs = p.duration();
      return true;
    case 'PAST':
      p.expect('LIMIT');
      policy.pastLimitNs = p.duration();
      return true;
    case 'DEFAULT':
      policy.isDefault = true;
      return true;
    default:
      return false;
  }
}

export function parseDelete(p: TokenStream, kind: DeleteStatement['kind']): DeleteStatement {
  const token = p.next();
  const { offset, literal } = p;
  const sources: Source[] = token === 'FROM' ? parseSources(p, false) : [];
  if (token === 'FROM') checkDeleteSources(p, kind, sources);
  else p.unscan();
  const condition = parseCondition(p);
  if (condition === undefined && sources.length === 0) {
    p.token = token;
    p.offset = offset;
    p.literal = literal;
    throw p.unexpected('FROM', 'WHERE');
  }
  return { kind, sources, condition };
}

/** Deletes reach over all policies of the database in use; DELETE may name one policy. */
function checkDeleteSources(
  p: TokenStream,
  kind: DeleteStatement['kind'],
  sources: readonly Source[],
): void {
  let error: string | undefined;
  for (const source of sources) {
    if (source.kind !== 'measurement') continue;
    if (source.database !== '') error = 'database not supported';
    if (source.policy !== '' && kind === 'drop-series') error = 'retention policy not supported';
  }
  if (error !== undefined) throw p.failAt(error, 0);
}
