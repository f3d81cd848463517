/** FROM: which measurements of which retention policies a statement reads. */

import { CitadelError } from '../../base/errors.ts';
import type { Measurement } from '../../influxql/ast.ts';
import { compileRegex } from '../../influxql/regex.ts';
import type { FieldType } from '../../model/field-type.ts';
import type { SchemaAsk, SchemaPlan } from '../../model/plan.ts';
import type { TimeRange } from '../../model/time.ts';
import type { QueryContext } from '../query-context.ts';
import { collectSchema } from '../show/collect-schema.ts';
import { wholeGroups } from './shard-groups.ts';

/** One measurement of one retention policy. */
export interface Table {
  readonly dbId: string;
  readonly rpId: string;
  readonly measurement: string;
  /** 0n for a subquery. */
  readonly shardGroupNs: bigint;
  /** Registered types; empty = nothing is known of the measurement. */
  readonly fields: ReadonlyMap<string, FieldType>;
  /** Those of `fields` that a subquery took from tags. */
  readonly tagFields: ReadonlySet<string>;
  /** Those of `tagFields` that name no tag either: columns of nulls, of no type. */
  readonly unknownFields: ReadonlySet<string>;
}

export type InnerColumns = Pick<Table, 'fields' | 'tagFields' | 'unknownFields'>;

const noFields: ReadonlySet<string> = new Set();

/** The columns that a subquery gives of one measurement; `number` says which of them it is. */
export function innerTable(number: number, measurement: string, columns: InnerColumns): Table {
  return { dbId: '', rpId: String(number), measurement, shardGroupNs: 0n, ...columns };
}

export function isInner({ dbId }: Pick<Table, 'dbId'>): boolean {
  return dbId === '';
}

export function requireDatabase(name: string): string {
  if (name === '') throw new CitadelError('invalid-argument', 'database name required');
  return name;
}

/** A regex that the parser has compiled before. */
export function matcherOf(pattern: string): (text: string) => boolean {
  const { regex, error } = compileRegex(pattern);
  if (regex === undefined) throw new CitadelError('invalid-argument', error ?? 'invalid regex');
  return regex.matches;
}

async function expandRegex(
  source: Measurement,
  plan: Omit<SchemaPlan, 'ask' | 'measurements' | 'where'>,
  context: QueryContext,
): Promise<string[]> {
  const ask: SchemaAsk = { kind: 'measurements' };
  const found = await collectSchema(
    { ...plan, measurements: undefined, where: undefined, ask },
    context,
  );
  const matches = matcherOf(source.regex ?? '');
  return [...found.keys()].filter((name) => matches(name));
}

async function resolveMeasurement(
  source: Measurement,
  range: TimeRange | undefined,
  context: QueryContext,
): Promise<Table[]> {
  const { schema } = context.ports;
  const database = requireDatabase(source.database === '' ? context.database : source.database);
  const policy = source.policy === '' ? context.policy : source.policy;
  const { dbId, rpId, shardGroupNs } = schema.resolve(database, policy === '' ? undefined : policy);
  const names =
    source.regex === undefined
      ? [source.name]
      : await expandRegex(
          source,
          { dbId, rpId, range: range && wholeGroups(range, shardGroupNs) },
          context,
        );
  return names.map((measurement) => ({
    dbId,
    rpId,
    measurement,
    shardGroupNs,
    fields: schema.fields(dbId, measurement) ?? new Map<string, FieldType>(),
    tagFields: noFields,
    unknownFields: noFields,
  }));
}

/** Errors: `database not found: x`, `retention policy not found: x`. */
export async function resolveTables(
  sources: readonly Measurement[],
  range: TimeRange | undefined,
  context: QueryContext,
): Promise<readonly Table[]> {
  const tables: Table[] = [];
  for (const source of sources) {
    tables.push(...(await resolveMeasurement(source, range, context)));
  }
  return tables;
}
