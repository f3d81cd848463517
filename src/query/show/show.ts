/** The SHOW statements that are answered from series and fields. */

import type {
  ShowCardinalityStatement,
  ShowFieldKeysStatement,
  ShowMeasurementsStatement,
  ShowSeriesStatement,
  ShowTagKeysStatement,
  ShowTagValuesCardinalityStatement,
  ShowTagValuesStatement,
} from '../../influxql/statement.ts';

export type ShowStatement =
  | ShowMeasurementsStatement
  | ShowSeriesStatement
  | ShowTagKeysStatement
  | ShowTagValuesStatement
  | ShowFieldKeysStatement
  | ShowCardinalityStatement
  | ShowTagValuesCardinalityStatement;
