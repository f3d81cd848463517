/**
 * A query text: parsed whole, so that a mistake anywhere runs nothing, then one statement after the
 * other as their answers are pulled.
 */

import { checkStatements } from '../../access/rights.ts';
import { CitadelError } from '../../base/errors.ts';
import { type MemoryAccount, MemoryPool, unlimitedMemory } from '../../base/memory-budget.ts';
import { Turnstile } from '../../base/turnstile.ts';
import { parseQuery } from '../../influxql/influxql.ts';
import { printStatement } from '../../influxql/print-statement.ts';
import type { Statement } from '../../influxql/statement.ts';
import type { Catalog } from '../../metadata/catalog-view.ts';
import type { RowSink } from '../../query/ports.ts';
import type { SeriesPiece, StatementMessage, StatementResult } from '../../query/result.ts';
import type { BrokerParts } from '../parts.ts';
import type { BrokerStats, QueryRequest } from '../requests.ts';
import { qualifyContinuousQuery, qualifySelect } from './continuous-queries.ts';
import { knowSources } from './know-sources.ts';
import { startQuery } from './query-gate.ts';
import { createQueryPorts } from './query-ports.ts';
import { runStatement } from './run-statement.ts';
import { RunningQueries } from './running-queries.ts';
import type { StatementContext, StatementParts } from './statement-parts.ts';

/** What InfluxDB warns of: DELETE is not among it. */
const warnedPattern = /^(create|drop|alter|set|kill)-|^(grant|revoke)$/;

function isWarnedOf(statement: Statement): boolean {
  if (statement.kind === 'select') return statement.target !== undefined;
  return warnedPattern.test(statement.kind);
}

function changesSomething(statement: Statement): boolean {
  if (statement.kind === 'select') return statement.target !== undefined;
  return statement.kind !== 'explain' && !statement.kind.startsWith('show-');
}

/** @throws CitadelError `forbidden` */
function refuseChanges(statements: readonly Statement[]): void {
  const change = statements.find(changesSomething);
  if (change === undefined) return;
  const message = `cannot run '${printStatement(change)}' by GET, which changes nothing: use POST`;
  throw new CitadelError('forbidden', message);
}

/** As a message quotes it; a statement that fails has no message. */
function quote({ view }: Catalog, statement: Statement, request: QueryRequest): string {
  const { database, policy } = request;
  try {
    if (statement.kind === 'select') {
      return printStatement(qualifySelect(statement, { view, database, policy }));
    }
    if (statement.kind !== 'create-continuous-query') return printStatement(statement);
    return printStatement(qualifyContinuousQuery(view, statement, request));
  } catch (error) {
    if (error instanceof CitadelError) return '';
    throw error;
  }
}

function warnings(
  catalog: Catalog,
  statement: Statement,
  request: QueryRequest,
): readonly StatementMessage[] {
  if (!request.readOnly || !isWarnedOf(statement)) return [];
  const text = `deprecated use of '${quote(catalog, statement, request)}' in a read only context, please use a POST request instead`;
  return [{ level: 'warning', text }];
}

export class QueryExecutor {
  readonly #parts: StatementParts;
  readonly #stats: BrokerStats;
  readonly #memory: MemoryPool;
  readonly #turnstile: Turnstile;

  constructor(parts: BrokerParts, stats: BrokerStats, sink: RowSink) {
    this.#parts = { ...parts, stats, sink, queries: new RunningQueries(parts.env.clock) };
    this.#stats = stats;
    this.#memory = new MemoryPool(parts.limits.memory ?? unlimitedMemory);
    this.#turnstile = new Turnstile(() => parts.env.timers.yieldNow());
  }

  /** @throws CitadelError `invalid-argument` when the text does not parse; `forbidden` */
  execute(request: QueryRequest): AsyncIterable<StatementResult> {
    const { rights, database } = request;
    const statements = parseQuery(request.text, request.params);
    checkStatements(rights, statements, database);
    if (request.readOnly && !this.#parts.allowChangesByGet) refuseChanges(statements);
    return this.#run(statements, request);
  }

  async *#run(
    statements: readonly Statement[],
    request: QueryRequest,
  ): AsyncGenerator<StatementResult> {
    const { env, limits, queries, catalog } = this.#parts;
    let running: ReturnType<typeof startQuery>;
    try {
      running = startQuery(this.#stats, limits, env.timers, request.signal);
    } catch (error) {
      yield { statementId: 0, messages: [], series: failWith(error) };
      return;
    }
    const { database, rights } = request;
    const { user } = rights;
    const id = queries.add({ statements, database, user, end: running.end });
    const memory = this.#memory.open();
    const { signal } = running;
    signal.addEventListener('abort', () => memory.close(), { once: true });
    const turnstile = this.#turnstile;
    const context: StatementContext = {
      rights,
      database,
      policy: request.policy,
      nowNs: env.clock.wallNs(),
      ports: createQueryPorts(this.#parts, { memory, turnstile, signal }),
      signal,
      mayStore: request.mayStore,
      yieldNow: () => turnstile.turn(signal),
    };
    try {
      for (const [statementId, statement] of statements.entries()) {
        const series = running.guard(this.#explained(statement, context, memory));
        yield { statementId, messages: warnings(catalog, statement, request), series, memory };
      }
    } finally {
      this.#stats.queryMs += queries.remove(id);
      running.finish();
      memory.close();
    }
  }

  /** What went wrong beyond words for clients is logged, and fails only this query. */
  async *#explained(
    statement: Statement,
    context: StatementContext,
    whole: MemoryAccount,
  ): AsyncGenerator<SeriesPiece> {
    const memory = whole.openPart();
    try {
      await knowSources(this.#parts, statement, context);
      yield* runStatement(this.#parts, statement, { ...context, memory });
    } catch (error) {
      this.#stats.queriesFailed++;
      if (error instanceof CitadelError) throw error;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#parts.env.log.error('query failed', { kind: statement.kind, error: text });
      throw new CitadelError('internal', 'internal error', { cause: error });
    } finally {
      memory.close();
    }
  }
}

function failWith(error: unknown): AsyncIterable<SeriesPiece> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}
