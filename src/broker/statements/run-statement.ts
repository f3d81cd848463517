/** One statement's answer as a stream; nothing happens before it is pulled. */

import { CitadelError } from '../../base/errors.ts';
import type { Statement } from '../../influxql/statement.ts';
import type { RowSink } from '../../query/ports.ts';
import { runExplain, runSelect, runShow } from '../../query/query.ts';
import type { SeriesPiece } from '../../query/result.ts';
import { changePolicy, createDatabase, dropDatabase, dropPolicy } from './change-catalog.ts';
import { createContinuousQuery, showContinuousQueries } from './continuous-queries.ts';
import { deleteData, dropMeasurement } from './delete-data.ts';
import { showDatabases, showPolicies } from './show-catalog.ts';
import { showDiagnostics, showStats } from './show-server.ts';
import { dropShard, showShardGroups, showShards } from './show-shards.ts';
import type { StatementContext, StatementParts } from './statement-parts.ts';
import { createSubscription, showSubscriptions } from './subscriptions.ts';
import {
  changePrivilege,
  createUser,
  setPassword,
  showGrants,
  showUsers,
} from './user-statements.ts';

type Tables = SeriesPiece | readonly SeriesPiece[];
type Answer = Tables | Promise<Tables> | Promise<void>;

/** Tables, or nothing from statements that are run for their effect. */
async function* answer(run: () => Answer): AsyncGenerator<SeriesPiece> {
  const pieces = await run();
  if (pieces === undefined) return;
  if ('columns' in pieces) yield pieces;
  else yield* pieces;
}

/** Asks before each batch whether it may still be stored. */
function guardSink(sink: RowSink, mayStore: (() => void) | undefined): RowSink {
  if (mayStore === undefined) return sink;
  return {
    check: (target) => sink.check(target),
    store: async (target, batch) => {
      mayStore();
      await sink.store(target, batch);
    },
  };
}

function refuse(kind: Statement['kind']): never {
  const name = kind.replaceAll('-', ' ').toUpperCase();
  throw new CitadelError('unsupported', `${name} is not supported yet`);
}

export function runStatement(
  parts: StatementParts,
  statement: Statement,
  context: StatementContext,
): AsyncIterable<SeriesPiece> {
  switch (statement.kind) {
    case 'select':
      return runSelect(statement, context, guardSink(parts.sink, context.mayStore));
    case 'explain':
      return runExplain(statement, context, () => parts.env.clock.monotonicMs());
    case 'show-measurements':
    case 'show-series':
    case 'show-tag-keys':
    case 'show-tag-values':
    case 'show-field-keys':
    case 'show-series-cardinality':
    case 'show-measurement-cardinality':
    case 'show-tag-key-cardinality':
    case 'show-field-key-cardinality':
    case 'show-tag-values-cardinality':
      return runShow(statement, context);
    case 'show-databases':
      return answer(() => showDatabases(parts.catalog.view, context.rights));
    case 'show-retention-policies':
      return answer(() => showPolicies(parts.catalog.view, statement.database || context.database));
    case 'create-database':
      return answer(() => createDatabase(parts, statement));
    case 'drop-database':
      return answer(() => dropDatabase(parts, statement.name));
    case 'create-retention-policy':
    case 'alter-retention-policy':
      return answer(() => changePolicy(parts, statement));
    case 'drop-retention-policy':
      return answer(() => dropPolicy(parts, statement));
    case 'drop-measurement':
      return answer(() => dropMeasurement(parts, context.database, statement.name));
    case 'delete':
    case 'drop-series':
      return answer(() => deleteData(parts, statement, context));
    default:
      return answer(() => administer(parts, statement, context));
  }
}

/** Statements about the server, its users, and what it does by itself. */
function administer(
  parts: StatementParts,
  statement: Statement,
  context: StatementContext,
): Answer {
  const { catalog, queries } = parts;
  const { admin } = catalog;
  switch (statement.kind) {
    case 'show-queries':
      return queries.show(context.rights);
    case 'kill-query':
      queries.kill(statement.id);
      return [];
    case 'show-shards':
      return showShards(parts);
    case 'show-shard-groups':
      return showShardGroups(parts);
    case 'drop-shard':
      return dropShard(parts, statement.id);
    case 'show-stats':
      return showStats(parts, statement.module);
    case 'show-diagnostics':
      return showDiagnostics(parts, statement.module);
    case 'show-users':
      return showUsers(admin);
    case 'show-grants':
      return showGrants(catalog, statement.user);
    case 'create-user':
      return createUser(admin, statement);
    case 'set-password':
      return setPassword(admin, statement);
    case 'drop-user':
      return admin.dropUser(statement.name);
    case 'grant':
    case 'revoke':
      return changePrivilege(admin, statement);
    case 'show-continuous-queries':
      return showContinuousQueries(catalog, context.rights);
    case 'create-continuous-query':
      return createContinuousQuery(catalog, statement, context);
    case 'drop-continuous-query':
      return admin.dropContinuousQuery(statement.database, statement.name);
    case 'show-subscriptions':
      return showSubscriptions(catalog);
    case 'create-subscription':
      return createSubscription(parts, statement);
    case 'drop-subscription':
      return admin.dropSubscription(statement);
    default:
      return refuse(statement.kind);
  }
}
