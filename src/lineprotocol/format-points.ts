/**
 * Points -> line protocol, with exactly the escapes that a reader of InfluxDB's dialect undoes.
 *
 * Names that cannot be written at all (line-names.ts) are refused rather than mangled.
 */

import { CitadelError } from '../base/errors.ts';
import { encodeText } from '../base/text.ts';
import { fieldInLine, measurementInLine, tagInLine } from '../model/line-names.ts';
import type { SeriesName } from '../model/series-key.ts';

export type PointValue =
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'integer'; readonly value: bigint }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string };

export interface Point {
  readonly series: SeriesName;
  readonly fields: readonly (readonly [name: string, value: PointValue])[];
  /** ns since the Unix epoch. */
  readonly time: bigint;
}

function refuse(what: string, text: string): never {
  throw new CitadelError(
    'invalid-argument',
    `cannot write ${what} ${JSON.stringify(text)} as a line`,
  );
}

function formatMeasurement(name: string): string {
  return measurementInLine(name) ?? refuse('measurement', name);
}

function formatName(what: string, text: string): string {
  return tagInLine(text) ?? refuse(what, text);
}

function formatField(name: string): string {
  return fieldInLine(name) ?? refuse('field', name);
}

function formatFloat(value: number): string {
  if (!Number.isFinite(value)) refuse('float', String(value));
  return Object.is(value, -0) ? '-0' : String(value);
}

function formatValue(value: PointValue): string {
  switch (value.type) {
    case 'float':
      return formatFloat(value.value);
    case 'integer':
      return `${value.value}i`;
    case 'boolean':
      return value.value ? 'true' : 'false';
    case 'string':
      return `"${value.value.replace(/["\\]/g, '\\$&')}"`;
  }
}

/** One line without its line feed. Errors: `invalid-argument` for what the dialect cannot express. */
export function formatPoint({ series, fields, time }: Point): string {
  if (fields.length === 0) refuse('point without fields of', series.measurement);
  let line = formatMeasurement(series.measurement);
  for (const [key, value] of series.tags) {
    line += `,${formatName('tag', key)}=${formatName('tag value', value)}`;
  }
  const written = fields.map(([name, value]) => `${formatField(name)}=${formatValue(value)}`);
  return `${line} ${written.join(',')} ${time}`;
}

/** Lines with their line feeds, as bytes. */
export function formatPoints(points: readonly Point[]): Uint8Array {
  return encodeText(points.map((point) => `${formatPoint(point)}\n`).join(''));
}
