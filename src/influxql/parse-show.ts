/** The SHOW statements. Each function starts after the words that name its statement. */

import type { Measurement } from './ast.ts';
import { parseRequiredRegex } from './parse-expr.ts';
import {
  parseCondition,
  parseDimensions,
  parseMeasurement,
  parseOptionalInt,
  parseOrderBy,
  parseSources,
} from './parse-select.ts';
import type {
  ShowCardinalityStatement,
  ShowFieldKeysStatement,
  ShowMeasurementsStatement,
  ShowSeriesStatement,
  ShowTagKeysStatement,
  ShowTagValuesCardinalityStatement,
  ShowTagValuesStatement,
  TagKeyFilter,
} from './statement.ts';
import type { TokenStream } from './token-stream.ts';

export function parseOnDatabase(p: TokenStream): string {
  return p.accept('ON') ? p.ident() : '';
}

function parseFrom(p: TokenStream) {
  return p.accept('FROM') ? parseSources(p, false) : [];
}

export function parseForModule(p: TokenStream): string {
  return p.accept('FOR') ? p.string() : '';
}

export function parseShowSeries(p: TokenStream): ShowSeriesStatement | ShowCardinalityStatement {
  const exact = p.accept('EXACT');
  if (p.accept('CARDINALITY')) return parseCardinality(p, 'show-series-cardinality', exact);
  return {
    kind: 'show-series',
    database: parseOnDatabase(p),
    sources: parseFrom(p),
    condition: parseCondition(p),
    sortFields: parseOrderBy(p),
    limit: parseOptionalInt(p, 'LIMIT'),
    offset: parseOptionalInt(p, 'OFFSET'),
  };
}

/** After CARDINALITY. */
export function parseCardinality(
  p: TokenStream,
  kind: ShowCardinalityStatement['kind'],
  exact: boolean,
): ShowCardinalityStatement {
  return {
    kind,
    exact,
    database: parseOnDatabase(p),
    sources: parseFrom(p),
    condition: parseCondition(p),
    dimensions: parseDimensions(p),
    limit: parseOptionalInt(p, 'LIMIT'),
    offset: parseOptionalInt(p, 'OFFSET'),
  };
}

/** After EXACT, which makes CARDINALITY the only way on. */
export function parseExactCardinality(
  p: TokenStream,
  kind: ShowCardinalityStatement['kind'],
): ShowCardinalityStatement {
  p.expect('CARDINALITY');
  return parseCardinality(p, kind, true);
}

/** After SHOW TAG KEY or SHOW FIELD KEY. */
export function parseKeyCardinality(
  p: TokenStream,
  kind: ShowCardinalityStatement['kind'],
): ShowCardinalityStatement {
  if (p.accept('EXACT')) return parseExactCardinality(p, kind);
  if (p.next() !== 'CARDINALITY') throw p.unexpected('EXACT', 'CARDINALITY');
  return parseCardinality(p, kind, false);
}

export function parseShowMeasurements(p: TokenStream): ShowMeasurementsStatement {
  return {
    kind: 'show-measurements',
    ...parseMeasurementsOn(p),
    source: parseWithMeasurement(p),
    condition: parseCondition(p),
    sortFields: parseOrderBy(p),
    limit: parseOptionalInt(p, 'LIMIT'),
    offset: parseOptionalInt(p, 'OFFSET'),
  };
}

type MeasurementsOn = Pick<
  ShowMeasurementsStatement,
  'database' | 'policy' | 'everyDatabase' | 'everyPolicy'
>;

/** `ON db`, `ON db.rp`, `ON db.*`, `ON *.*`. */
function parseMeasurementsOn(p: TokenStream): MeasurementsOn {
  const on = { database: '', policy: '', everyDatabase: false, everyPolicy: false };
  if (!p.accept('ON')) return on;
  if (p.accept('*')) on.everyDatabase = true;
  else on.database = p.ident();
  if (p.scan() !== '.') {
    p.unscan();
    return on;
  }
  if (p.accept('*')) on.everyPolicy = true;
  else on.policy = p.ident();
  return on;
}

function parseWithMeasurement(p: TokenStream): Measurement | undefined {
  if (!p.accept('WITH')) return undefined;
  p.expect('MEASUREMENT');
  const op = p.next();
  if (op !== '=' && op !== '=~') throw p.unexpected('=', '=~');
  return parseMeasurement(p);
}

export function parseShowTagKeys(p: TokenStream): ShowTagKeysStatement {
  return {
    kind: 'show-tag-keys',
    database: parseOnDatabase(p),
    sources: parseFrom(p),
    filter: parseOptionalTagKeyFilter(p),
    condition: parseCondition(p),
    sortFields: parseOrderBy(p),
    limit: parseOptionalInt(p, 'LIMIT'),
    offset: parseOptionalInt(p, 'OFFSET'),
    slimit: parseOptionalInt(p, 'SLIMIT'),
    soffset: parseOptionalInt(p, 'SOFFSET'),
  };
}

function parseOptionalTagKeyFilter(p: TokenStream): TagKeyFilter | undefined {
  if (!p.accept('WITH')) return undefined;
  p.unscan();
  return parseTagKeyFilter(p);
}

/** `WITH KEY = a`, `WITH KEY IN (a, b)`, `WITH KEY =~ /re/`. */
function parseTagKeyFilter(p: TokenStream): TagKeyFilter {
  p.expect('WITH', 'KEY');
  const op = p.next();
  switch (op) {
    case 'IN': {
      p.expect('(');
      const keys = p.idents();
      p.expect(')');
      return { op, keys };
    }
    case '=':
    case '!=':
      return { op, key: p.ident() };
    case '=~':
    case '!~':
      return { op, pattern: parseRequiredRegex(p).pattern };
    default:
      throw p.unexpected('IN', '=', '=~');
  }
}

export function parseShowTagValues(
  p: TokenStream,
): ShowTagValuesStatement | ShowTagValuesCardinalityStatement {
  if (p.accept('EXACT')) {
    p.expect('CARDINALITY');
    return parseTagValuesCardinality(p, true);
  }
  if (p.accept('CARDINALITY')) return parseTagValuesCardinality(p, false);
  return {
    kind: 'show-tag-values',
    database: parseOnDatabase(p),
    sources: parseFrom(p),
    filter: parseTagKeyFilter(p),
    condition: parseCondition(p),
    sortFields: parseOrderBy(p),
    limit: parseOptionalInt(p, 'LIMIT'),
    offset: parseOptionalInt(p, 'OFFSET'),
  };
}

function parseTagValuesCardinality(
  p: TokenStream,
  exact: boolean,
): ShowTagValuesCardinalityStatement {
  return {
    kind: 'show-tag-values-cardinality',
    exact,
    database: parseOnDatabase(p),
    sources: parseFrom(p),
    filter: parseTagKeyFilter(p),
    condition: parseCondition(p),
    dimensions: parseDimensions(p),
    limit: parseOptionalInt(p, 'LIMIT'),
    offset: parseOptionalInt(p, 'OFFSET'),
  };
}

export function parseShowFieldKeys(p: TokenStream): ShowFieldKeysStatement {
  return {
    kind: 'show-field-keys',
    database: parseOnDatabase(p),
    sources: parseFrom(p),
    condition: undefined,
    sortFields: parseOrderBy(p),
    limit: parseOptionalInt(p, 'LIMIT'),
    offset: parseOptionalInt(p, 'OFFSET'),
  };
}
