/** From the first words of a statement to the function that parses the rest. */

import {
  parseCreateContinuousQuery,
  parseCreateSubscription,
  parseCreateUser,
  parseDropInDatabase,
  parseDropSubscription,
  parseExplain,
  parseGrant,
  parseKillQuery,
  parseSetPassword,
  parseUint64,
} from './parse-admin.ts';
import {
  parseAlterPolicy,
  parseCreateDatabase,
  parseCreatePolicy,
  parseDelete,
} from './parse-policy.ts';
import { parseSelect } from './parse-select.ts';
import {
  parseCardinality,
  parseExactCardinality,
  parseForModule,
  parseKeyCardinality,
  parseOnDatabase,
  parseShowFieldKeys,
  parseShowMeasurements,
  parseShowSeries,
  parseShowTagKeys,
  parseShowTagValues,
} from './parse-show.ts';
import type { Statement } from './statement.ts';
import type { TokenStream } from './token-stream.ts';
import type { Keyword } from './tokens.ts';

type Handler = (p: TokenStream) => Statement;

/** Keywords in the order in which messages list them. */
interface Branch extends Readonly<Partial<Record<Keyword, Branch | Handler>>> {}

const showBranch: Branch = {
  CONTINUOUS: { QUERIES: () => ({ kind: 'show-continuous-queries' }) },
  DATABASES: () => ({ kind: 'show-databases' }),
  DIAGNOSTICS: (p) => ({ kind: 'show-diagnostics', module: parseForModule(p) }),
  FIELD: {
    KEY: (p) => parseKeyCardinality(p, 'show-field-key-cardinality'),
    KEYS: parseShowFieldKeys,
  },
  GRANTS: { FOR: (p) => ({ kind: 'show-grants', user: p.ident() }) },
  MEASUREMENT: {
    EXACT: (p) => parseExactCardinality(p, 'show-measurement-cardinality'),
    CARDINALITY: (p) => parseCardinality(p, 'show-measurement-cardinality', false),
  },
  MEASUREMENTS: parseShowMeasurements,
  QUERIES: () => ({ kind: 'show-queries' }),
  RETENTION: {
    POLICIES: (p) => ({ kind: 'show-retention-policies', database: parseOnDatabase(p) }),
  },
  SERIES: parseShowSeries,
  SHARD: { GROUPS: () => ({ kind: 'show-shard-groups' }) },
  SHARDS: () => ({ kind: 'show-shards' }),
  STATS: (p) => ({ kind: 'show-stats', module: parseForModule(p) }),
  SUBSCRIPTIONS: () => ({ kind: 'show-subscriptions' }),
  TAG: {
    KEY: (p) => parseKeyCardinality(p, 'show-tag-key-cardinality'),
    KEYS: parseShowTagKeys,
    VALUES: parseShowTagValues,
  },
  USERS: () => ({ kind: 'show-users' }),
};

const createBranch: Branch = {
  CONTINUOUS: { QUERY: parseCreateContinuousQuery },
  DATABASE: parseCreateDatabase,
  USER: parseCreateUser,
  RETENTION: { POLICY: parseCreatePolicy },
  SUBSCRIPTION: parseCreateSubscription,
};

const dropBranch: Branch = {
  CONTINUOUS: { QUERY: (p) => parseDropInDatabase(p, 'drop-continuous-query') },
  DATABASE: (p) => ({ kind: 'drop-database', name: p.ident() }),
  MEASUREMENT: (p) => ({ kind: 'drop-measurement', name: p.ident() }),
  RETENTION: { POLICY: (p) => parseDropInDatabase(p, 'drop-retention-policy') },
  SERIES: (p) => parseDelete(p, 'drop-series'),
  SHARD: (p) => ({ kind: 'drop-shard', id: parseUint64(p) }),
  SUBSCRIPTION: parseDropSubscription,
  USER: (p) => ({ kind: 'drop-user', name: p.ident() }),
};

const language: Branch = {
  SELECT: (p) => parseSelect(p, 'optional'),
  DELETE: (p) => parseDelete(p, 'delete'),
  SHOW: showBranch,
  CREATE: createBranch,
  DROP: dropBranch,
  EXPLAIN: parseExplain,
  GRANT: (p) => parseGrant(p, 'grant'),
  REVOKE: (p) => parseGrant(p, 'revoke'),
  ALTER: { RETENTION: { POLICY: parseAlterPolicy } },
  SET: { PASSWORD: { FOR: parseSetPassword } },
  KILL: { QUERY: parseKillQuery },
};

export function parseStatement(p: TokenStream): Statement {
  let branch = language;
  for (;;) {
    const token = p.next();
    const next = Object.hasOwn(branch, token) ? branch[token as Keyword] : undefined;
    if (next === undefined) throw p.unexpected(...Object.keys(branch));
    if (typeof next === 'function') return next(p);
    branch = next;
  }
}

/** Statements parted by `;`. */
export function parseStatements(p: TokenStream): Statement[] {
  const statements: Statement[] = [];
  let parted = true;
  for (;;) {
    const token = p.next();
    if (token === 'EOF') return statements;
    if (token === ';') {
      parted = true;
      continue;
    }
    if (!parted) throw p.unexpected(';');
    p.unscan();
    statements.push(parseStatement(p));
    parted = false;
  }
}
