/**
 * Points -> line protocol, with exactly the escapes that a reader of InfluxDB's dialect undoes.
 *
 * Some names cannot be written at all (the dialect has no way to end a name with a backslash, or to put
 * one before a delimiter); they are refused rather than mangled.
 */

import { CitadelError } from '../base/errors.ts';
import { encodeText } from '../base/text.ts';
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

/** What no escape can express, per place: see the header. */
const unwritableMeasurement = /^$|^[,#\t\0 \n]|\n|\\[,= "]|\\$/;
const unwritableName = /^$|\n|\\[,= ]|\\$/;
const unwritableField = /^$|^[\t\0]|\n|\\[,= "\\]|\\$|^time$|"/;

function refuse(what: string, text: string): never {
  throw new CitadelError(
    'invalid-argument',
    `cannot write ${what} ${JSON.stringify(text)} as a line`,
  );
}

function formatMeasurement(name: string): string {
  if (unwritableMeasurement.test(name)) refuse('measurement', name);
  return name.replace(/[, ]/g, '\\$&');
}

function formatName(what: string, text: string): string {
  if (unwritableName.test(text)) refuse(what, text);
  return text.replace(/[,= ]/g, '\\$&');
}

function formatField(name: string): string {
  if (unwritableField.test(name)) refuse('field', name);
  return name.replace(/[,= ]/g, '\\$&');
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
