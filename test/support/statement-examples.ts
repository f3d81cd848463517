/**
 * A statement of every kind, about a database of one's choice, and what it needs there: the rule table of rights
 * written down a second time, by example. Whoever may run them changes nothing that the others depend on.
 */

import type { Statement } from '../../src/influxql/statement.ts';

export type ExampleNeed = 'NOTHING' | 'READ' | 'WRITE' | 'READ, WRITE' | 'ADMIN';

export interface StatementExample {
  /** `db` is a name without need for quotes; the request names the same one. */
  readonly text: (db: string) => string;
  readonly needs: ExampleNeed;
}

function on(words: string, needs: ExampleNeed): StatementExample {
  return { text: (db) => `${words} ON ${db}`, needs };
}

function plain(words: string, needs: ExampleNeed): StatementExample {
  return { text: () => words, needs };
}

export const statementExamples: Readonly<Record<Statement['kind'], StatementExample>> = {
  select: { text: (db) => `SELECT v FROM ${db}.autogen.m`, needs: 'READ' },
  explain: { text: (db) => `EXPLAIN SELECT v FROM ${db}.autogen.m`, needs: 'READ' },
  delete: plain('DELETE FROM missing', 'WRITE'),
  'drop-series': plain('DROP SERIES FROM missing', 'WRITE'),
  'show-measurements': on('SHOW MEASUREMENTS', 'READ'),
  'show-series': on('SHOW SERIES', 'READ'),
  'show-tag-keys': on('SHOW TAG KEYS', 'READ'),
  'show-tag-values': { text: (db) => `SHOW TAG VALUES ON ${db} WITH KEY = host`, needs: 'READ' },
  'show-field-keys': on('SHOW FIELD KEYS', 'READ'),
  'show-series-cardinality': on('SHOW SERIES CARDINALITY', 'READ'),
  'show-measurement-cardinality': on('SHOW MEASUREMENT CARDINALITY', 'READ'),
  'show-tag-key-cardinality': on('SHOW TAG KEY CARDINALITY', 'READ'),
  'show-field-key-cardinality': on('SHOW FIELD KEY CARDINALITY', 'READ'),
  'show-tag-values-cardinality': {
    text: (db) => `SHOW TAG VALUES CARDINALITY ON ${db} WITH KEY = host`,
    needs: 'READ',
  },
  'show-retention-policies': on('SHOW RETENTION POLICIES', 'READ'),
  'show-queries': plain('SHOW QUERIES', 'READ'),
  'show-continuous-queries': plain('SHOW CONTINUOUS QUERIES', 'READ'),
  'create-continuous-query': {
    text: (db) =>
      `CREATE CONTINUOUS QUERY made ON ${db} BEGIN SELECT mean(v) INTO ${db}.autogen.t FROM ${db}.autogen.m GROUP BY time(1h) END`,
    needs: 'READ, WRITE',
  },
  'drop-continuous-query': on('DROP CONTINUOUS QUERY missing', 'WRITE'),
  'drop-retention-policy': on('DROP RETENTION POLICY missing', 'WRITE'),
  'show-databases': plain('SHOW DATABASES', 'NOTHING'),
  'create-database': plain('CREATE DATABASE made', 'ADMIN'),
  'drop-database': plain('DROP DATABASE missing', 'ADMIN'),
  'create-retention-policy': {
    text: (db) => `CREATE RETENTION POLICY made ON ${db} DURATION 1h REPLICATION 1`,
    needs: 'ADMIN',
  },
  'alter-retention-policy': {
    text: (db) => `ALTER RETENTION POLICY missing ON ${db} DURATION 1h`,
    needs: 'ADMIN',
  },
  'drop-measurement': plain('DROP MEASUREMENT missing', 'ADMIN'),
  'drop-shard': plain('DROP SHARD 999999', 'ADMIN'),
  'create-user': plain("CREATE USER made WITH PASSWORD 'x'", 'ADMIN'),
  'drop-user': plain('DROP USER missing', 'ADMIN'),
  'set-password': plain("SET PASSWORD FOR missing = 'x'", 'ADMIN'),
  grant: { text: (db) => `GRANT READ ON ${db} TO missing`, needs: 'ADMIN' },
  revoke: { text: (db) => `REVOKE READ ON ${db} FROM missing`, needs: 'ADMIN' },
  'create-subscription': {
    text: (db) => `CREATE SUBSCRIPTION made ON ${db}.missing DESTINATIONS ALL 'udp://127.0.0.1:9'`,
    needs: 'ADMIN',
  },
  'drop-subscription': {
    text: (db) => `DROP SUBSCRIPTION missing ON ${db}.autogen`,
    needs: 'ADMIN',
  },
  'kill-query': plain('KILL QUERY 999999', 'ADMIN'),
  'show-users': plain('SHOW USERS', 'ADMIN'),
  'show-grants': plain('SHOW GRANTS FOR missing', 'ADMIN'),
  'show-stats': plain('SHOW STATS', 'ADMIN'),
  'show-diagnostics': plain('SHOW DIAGNOSTICS', 'ADMIN'),
  'show-shards': plain('SHOW SHARDS', 'ADMIN'),
  'show-shard-groups': plain('SHOW SHARD GROUPS', 'ADMIN'),
  'show-subscriptions': plain('SHOW SUBSCRIPTIONS', 'ADMIN'),
};
