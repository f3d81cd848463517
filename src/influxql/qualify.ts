/** Sources with the database and retention policy that they leave out filled in. */

import { CitadelError } from '../base/errors.ts';
import type { Measurement, SelectStatement, Source } from './ast.ts';

export interface Defaults {
  /** From ON or the request; '' = none. */
  readonly database: string;
  /** '' = the database's own default, which stays ''. */
  readonly policy: string;
}

/** @throws CitadelError `invalid-argument` with influxd's message. */
export function qualifyMeasurement(source: Measurement, defaults: Defaults): Measurement {
  if (!source.isTarget && source.name === '' && source.regex === undefined) {
    throw new CitadelError('invalid-argument', 'invalid measurement');
  }
  const database = source.database === '' ? defaults.database : source.database;
  if (database === '') throw new CitadelError('invalid-argument', 'database name required');
  return { ...source, database, policy: source.policy === '' ? defaults.policy : source.policy };
}

export function qualifySources(sources: readonly Source[], defaults: Defaults): Source[] {
  return sources.map((source) =>
    source.kind === 'measurement'
      ? qualifyMeasurement(source, defaults)
      : { kind: 'subquery', statement: qualifySelect(source.statement, defaults) },
  );
}

/** Sources, subqueries and the target. */
export function qualifySelect(select: SelectStatement, defaults: Defaults): SelectStatement {
  const { target } = select;
  return {
    ...select,
    sources: qualifySources(select.sources, defaults),
    target: target === undefined ? undefined : qualifyMeasurement(target, defaults),
  };
}
