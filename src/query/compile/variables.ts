/**
 * What a name means: a field of some type, a tag, or nothing, over all tables of a statement and in
 * each of them. A field wins over a tag of the same name.
 */

import type { CastType, VarRef } from '../../influxql/ast.ts';
import type { FieldType } from '../../model/field-type.ts';
import type { ColumnRef } from '../../model/plan.ts';
import type { Table } from './tables.ts';

/** A name as a statement uses it; `type` is what the whole answer holds. */
export interface Variable {
  readonly name: string;
  readonly cast: CastType | undefined;
  readonly source: 'field' | 'tag' | 'missing';
  /** Undefined when missing. */
  readonly type: FieldType | undefined;
}

/** Where several tables differ, the first of these wins. */
const precedence: readonly FieldType[] = ['float', 'integer', 'unsigned', 'string', 'boolean'];

function isNumeric(type: FieldType): boolean {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}

/** Whether values of the first type can be had as the second. */
export function isConvertible(from: FieldType, to: FieldType): boolean {
  return from === to || (isNumeric(from) && isNumeric(to));
}

/** The registered type of a field over several tables. */
function commonType(name: string, tables: readonly Table[]): FieldType | undefined {
  let best = precedence.length;
  for (const table of tables) {
    const type = table.fields.get(name);
    if (type !== undefined) best = Math.min(best, precedence.indexOf(type));
  }
  return precedence[best];
}

function isFieldCast(cast: CastType | undefined): cast is FieldType {
  return cast !== undefined && cast !== 'field' && cast !== 'tag';
}

export function resolveVariable(ref: VarRef, tables: readonly Table[]): Variable {
  const { name, cast } = ref;
  if (cast === 'tag') return { name, cast, source: 'tag', type: 'string' };
  const type = commonType(name, tables);
  if (type === undefined) {
    return cast === undefined
      ? { name, cast, source: 'tag', type: 'string' }
      : { name, cast, source: 'missing', type: isFieldCast(cast) ? cast : undefined };
  }
  return { name, cast, source: 'field', type: isFieldCast(cast) ? cast : type };
}

/** The column of one table that holds a variable; undefined = the table has none that fits. */
export function bindVariable(variable: Variable, table: Table): ColumnRef | undefined {
  const { name, source, type } = variable;
  if (source === 'missing' || type === undefined) return undefined;
  if (source === 'tag') return { source, name, type: 'string' };
  const actual = table.fields.get(name);
  if (actual === undefined || !isConvertible(actual, type)) return undefined;
  return { source, name, type: actual };
}
