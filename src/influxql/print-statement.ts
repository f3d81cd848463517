/**
 * Statements as influxd prints them: what SHOW CONTINUOUS QUERIES and SHOW QUERIES list and what
 * messages quote. Passwords are never printed.
 */

import type { Field, Fill, Measurement, SelectStatement, SortField, Source } from './ast.ts';
import { formatDuration, formatGoDuration } from './duration.ts';
import { formatGeneral } from './format-number.ts';
import { printExpr, printMeasurement, printRegex } from './print-expr.ts';
import { quoteIdent, quoteString } from './quote.ts';
import type {
  CreateContinuousQueryStatement,
  CreateDatabaseStatement,
  GrantStatement,
  RetentionPolicyStatement,
  ShowMeasurementsStatement,
  Statement,
  TagKeyFilter,
} from './statement.ts';

/** The words of statements that are printed as a name, clauses, or nothing more. */
const words = {
  'show-series': 'SHOW SERIES',
  'show-tag-keys': 'SHOW TAG KEYS',
  'show-tag-values': 'SHOW TAG VALUES',
  'show-field-keys': 'SHOW FIELD KEYS',
  'show-series-cardinality': 'SHOW SERIES',
  'show-measurement-cardinality': 'SHOW MEASUREMENT',
  'show-tag-key-cardinality': 'SHOW TAG KEY',
  'show-field-key-cardinality': 'SHOW FIELD KEY',
  'show-tag-values-cardinality': 'SHOW TAG VALUES',
  'show-databases': 'SHOW DATABASES',
  'show-queries': 'SHOW QUERIES',
  'show-users': 'SHOW USERS',
  'show-shards': 'SHOW SHARDS',
  'show-shard-groups': 'SHOW SHARD GROUPS',
  'show-continuous-queries': 'SHOW CONTINUOUS QUERIES',
  'show-subscriptions': 'SHOW SUBSCRIPTIONS',
  'show-stats': 'SHOW STATS',
  'show-diagnostics': 'SHOW DIAGNOSTICS',
  'create-retention-policy': 'CREATE RETENTION POLICY',
  'alter-retention-policy': 'ALTER RETENTION POLICY',
  'drop-database': 'DROP DATABASE',
  'drop-measurement': 'DROP MEASUREMENT',
  'drop-user': 'DROP USER',
  'drop-retention-policy': 'DROP RETENTION POLICY',
  'drop-continuous-query': 'DROP CONTINUOUS QUERY',
  delete: 'DELETE',
  'drop-series': 'DROP SERIES',
} as const;

export function printStatement(statement: Statement): string {
  switch (statement.kind) {
    case 'select':
      return printSelect(statement);
    case 'explain':
      return `EXPLAIN ${statement.analyze ? 'ANALYZE ' : ''}${printSelect(statement.statement)}`;
    case 'show-measurements':
      return printShowMeasurements(statement);
    case 'show-retention-policies':
      return `SHOW RETENTION POLICIES${printOn(statement.database)}`;
    case 'show-stats':
    case 'show-diagnostics': {
      const module = statement.module === '' ? '' : ` FOR ${quoteString(statement.module)}`;
      return words[statement.kind] + module;
    }
    case 'show-grants':
      return `SHOW GRANTS FOR ${quoteIdent(statement.user)}`;
    case 'show-databases':
    case 'show-queries':
    case 'show-users':
    case 'show-shards':
    case 'show-shard-groups':
    case 'show-continuous-queries':
    case 'show-subscriptions':
      return words[statement.kind];
    case 'delete':
    case 'drop-series':
      return words[statement.kind] + printClauses(statement);
    case 'show-series':
    case 'show-field-keys':
    case 'show-tag-keys':
    case 'show-tag-values':
      return `${words[statement.kind]}${printOn(statement.database)}${printClauses(statement)}`;
    case 'show-series-cardinality':
    case 'show-measurement-cardinality':
    case 'show-tag-key-cardinality':
    case 'show-field-key-cardinality':
    case 'show-tag-values-cardinality': {
      const exact = statement.exact ? ' EXACT' : '';
      const head = `${words[statement.kind]}${exact} CARDINALITY`;
      return `${head}${printOn(statement.database)}${printClauses(statement)}`;
    }
    default:
      return printChange(statement);
  }
}

type ChangeStatement = Extract<
  Statement,
  {
    kind:
      | `create-${string}`
      | `alter-${string}`
      | `drop-${string}`
      | `set-${string}`
      | 'grant'
      | 'revoke'
      | 'kill-query';
  }
>;

/** Statements that change the catalog. */
function printChange(statement: Exclude<ChangeStatement, { kind: 'drop-series' }>): string {
  switch (statement.kind) {
    case 'create-database':
      return printCreateDatabase(statement);
    case 'create-retention-policy':
    case 'alter-retention-policy':
      return printPolicy(statement);
    case 'drop-database':
    case 'drop-measurement':
    case 'drop-user':
      return `${words[statement.kind]} ${quoteIdent(statement.name)}`;
    case 'drop-retention-policy':
    case 'drop-continuous-query':
      return `${words[statement.kind]} ${quoteIdent(statement.name)} ON ${quoteIdent(statement.database)}`;
    case 'drop-shard':
      return `DROP SHARD ${statement.id}`;
    case 'create-user': {
      const admin = statement.admin ? ' WITH ALL PRIVILEGES' : '';
      return `CREATE USER ${quoteIdent(statement.name)} WITH PASSWORD [REDACTED]${admin}`;
    }
    case 'set-password':
      return `SET PASSWORD FOR ${quoteIdent(statement.name)} = [REDACTED]`;
    case 'grant':
    case 'revoke':
      return printGrant(statement);
    case 'kill-query': {
      const host = statement.host === '' ? '' : ` ON ${quoteIdent(statement.host)}`;
      return `KILL QUERY ${statement.id}${host}`;
    }
    case 'create-subscription': {
      const destinations = statement.destinations.map(quoteString).join(', ');
      const subject = printSubscription(statement);
      return `CREATE SUBSCRIPTION ${subject} DESTINATIONS ${statement.mode} ${destinations}`;
    }
    case 'drop-subscription':
      return `DROP SUBSCRIPTION ${printSubscription(statement)}`;
    case 'create-continuous-query':
      return printContinuousQuery(statement);
  }
}

function printSelect(select: SelectStatement): string {
  const into = select.target === undefined ? '' : ` ${printTarget(select.target)}`;
  const zone = select.zone === undefined ? '' : ` TZ('${select.zone}')`;
  return `SELECT ${select.fields.map(printField).join(', ')}${into}${printClauses(select)}${zone}`;
}

function printTarget(target: Measurement): string {
  return `INTO ${printMeasurement(target)}${target.name === '' ? ':MEASUREMENT' : ''}`;
}

function printField({ expr, alias }: Field): string {
  return alias === '' ? printExpr(expr) : `${printExpr(expr)} AS ${quoteIdent(alias)}`;
}

interface Clauses {
  readonly sources?: readonly Source[];
  readonly filter?: TagKeyFilter | undefined;
  readonly condition?: SelectStatement['condition'];
  readonly dimensions?: SelectStatement['dimensions'];
  readonly fill?: Fill;
  readonly sortFields?: readonly SortField[];
  readonly limit?: number;
  readonly offset?: number;
  readonly slimit?: number;
  readonly soffset?: number;
}

/** Whichever of the clauses a statement has, in their one order, each with a space before it. */
function printClauses(clauses: Clauses): string {
  const { sources = [], filter, condition, dimensions = [], fill, sortFields = [] } = clauses;
  let text = '';
  if (sources.length > 0) text += ` FROM ${sources.map(printSource).join(', ')}`;
  if (filter !== undefined) text += ` WITH KEY ${filter.op} ${printTagKeys(filter)}`;
  if (condition !== undefined) text += ` WHERE ${printExpr(condition)}`;
  if (dimensions.length > 0) text += ` GROUP BY ${dimensions.map(printExpr).join(', ')}`;
  if (fill !== undefined) text += printFill(fill);
  if (sortFields.length > 0) text += ` ORDER BY ${sortFields.map(printSortField).join(', ')}`;
  if (clauses.limit) text += ` LIMIT ${clauses.limit}`;
  if (clauses.offset) text += ` OFFSET ${clauses.offset}`;
  if (clauses.slimit) text += ` SLIMIT ${clauses.slimit}`;
  if (clauses.soffset) text += ` SOFFSET ${clauses.soffset}`;
  return text;
}

function printSource(source: Source): string {
  return source.kind === 'measurement'
    ? printMeasurement(source)
    : `(${printSelect(source.statement)})`;
}

function printTagKeys(filter: TagKeyFilter): string {
  switch (filter.op) {
    case 'IN':
      return `(${filter.keys.map((key) => quoteIdent(key)).join(', ')})`;
    case '=':
    case '!=':
      return quoteIdent(filter.key);
    case '=~':
    case '!~':
      return printRegex(filter.pattern);
  }
}

function printFill(fill: Fill): string {
  switch (fill.kind) {
    case 'null':
      return '';
    case 'value': {
      const { value } = fill;
      return ` fill(${typeof value === 'bigint' ? value : formatGeneral(value)})`;
    }
    default:
      return ` fill(${fill.kind})`;
  }
}

function printSortField({ name, ascending }: SortField): string {
  return `${name === '' ? '' : `${name} `}${ascending ? 'ASC' : 'DESC'}`;
}

function printOn(database: string): string {
  return database === '' ? '' : ` ON ${quoteIdent(database)}`;
}

function printShowMeasurements(statement: ShowMeasurementsStatement): string {
  const { database, policy, everyDatabase, everyPolicy, source } = statement;
  let text = 'SHOW MEASUREMENTS';
  if (everyDatabase || database !== '') text += ` ON ${everyDatabase ? '*' : quoteIdent(database)}`;
  if (everyPolicy || policy !== '') text += `.${everyPolicy ? '*' : quoteIdent(policy)}`;
  if (source !== undefined) {
    const op = source.regex === undefined ? '=' : '=~';
    text += ` WITH MEASUREMENT ${op} ${printMeasurement(source)}`;
  }
  return text + printClauses(statement);
}

function printCreateDatabase({ name, policy }: CreateDatabaseStatement): string {
  let text = `CREATE DATABASE ${quoteIdent(name)}`;
  if (policy === undefined) return text;
  text += ' WITH';
  if (policy.durationNs !== undefined) text += ` DURATION ${formatGoDuration(policy.durationNs)}`;
  if (policy.replication !== undefined) text += ` REPLICATION ${policy.replication}`;
  const shardNs = policy.shardGroupDurationNs ?? 0n;
  if (shardNs > 0n) text += ` SHARD DURATION ${formatGoDuration(shardNs)}`;
  text += printLimits(policy);
  if (policy.name !== '') text += ` NAME ${quoteIdent(policy.name)}`;
  return text;
}

function printPolicy(statement: RetentionPolicyStatement): string {
  const { kind, name, database, durationNs, replication, shardGroupDurationNs } = statement;
  const showsZero = kind === 'alter-retention-policy';
  let text = `${words[kind]} ${quoteIdent(name)} ON ${quoteIdent(database)}`;
  if (durationNs !== undefined) text += ` DURATION ${formatDuration(durationNs)}`;
  if (replication !== undefined) text += ` REPLICATION ${replication}`;
  if (shardGroupDurationNs !== undefined && (showsZero || shardGroupDurationNs > 0n)) {
    text += ` SHARD DURATION ${formatDuration(shardGroupDurationNs)}`;
  }
  return text + printLimits(statement) + (statement.isDefault ? ' DEFAULT' : '');
}

function printLimits(
  limits: Pick<RetentionPolicyStatement, 'futureLimitNs' | 'pastLimitNs'>,
): string {
  const { futureLimitNs, pastLimitNs } = limits;
  const future =
    futureLimitNs === undefined ? '' : ` FUTURE LIMIT ${formatDuration(futureLimitNs)}`;
  const past = pastLimitNs === undefined ? '' : ` PAST LIMIT ${formatDuration(pastLimitNs)}`;
  return future + past;
}

function printGrant({ kind, privilege, database, user }: GrantStatement): string {
  const on = database === undefined ? '' : ` ON ${quoteIdent(database)}`;
  const [verb, direction] = kind === 'grant' ? ['GRANT', 'TO'] : ['REVOKE', 'FROM'];
  return `${verb} ${privilege}${on} ${direction} ${quoteIdent(user)}`;
}

function printSubscription(subject: { name: string; database: string; policy: string }): string {
  const { name, database, policy } = subject;
  return `${quoteIdent(name)} ON ${quoteIdent(database)}.${quoteIdent(policy)}`;
}

function printContinuousQuery(statement: CreateContinuousQueryStatement): string {
  const { name, database, resampleEveryNs, resampleForNs } = statement;
  let text = `CREATE CONTINUOUS QUERY ${quoteIdent(name)} ON ${quoteIdent(database)} `;
  if (resampleEveryNs > 0n || resampleForNs > 0n) text += 'RESAMPLE ';
  if (resampleEveryNs > 0n) text += `EVERY ${formatDuration(resampleEveryNs)} `;
  if (resampleForNs > 0n) text += `FOR ${formatDuration(resampleForNs)} `;
  return `${text}BEGIN ${printSelect(statement.source)} END`;
}
