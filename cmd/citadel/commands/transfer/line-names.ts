/**
 * Names as line protocol takes them, or the reason why it cannot.
 *
 * The dialect has no way to write some names (one that ends with a backslash, say). Instead of a list of
 * such cases, what was written is read back by the parser itself and compared, once per series.
 */

import { encodeText, printableText } from '../../../../src/base/text.ts';
import { LineParser } from '../../../../src/lineprotocol/lineprotocol.ts';
import { decodeSeriesKey } from '../../../../src/model/series-key.ts';

type Tags = readonly (readonly [key: string, value: string])[];

const parser = new LineParser();

/** A string with all that could end a name or a line too early. */
const trialValue = '"a,b=c d\\\\\\"\n"';

function parseTrial(line: string) {
  return parser.parse(encodeText(line), { database: '', precision: 'n', nowNs: 0n });
}

function sortTags(tags: Tags): string {
  return JSON.stringify([...tags].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function escapeMeasurement(name: string): string {
  return name.replace(/[, ]/g, '\\$&');
}

function escapeName(name: string): string {
  return name.replace(/[,= ]/g, '\\$&');
}

/** `measurement,tag=value`, or undefined when no line can say it. */
export function writeSeriesKey(measurement: string, tags: Tags): string | undefined {
  const pairs = tags.map(([key, value]) => `,${escapeName(key)}=${escapeName(value)}`);
  const written = escapeMeasurement(measurement) + pairs.join('');
  const { rowCount, series, errorCount } = parseTrial(`${written} f=${trialValue} 1\n`);
  if (rowCount !== 1 || errorCount > 0) return undefined;
  const read = decodeSeriesKey(series[0]!.key);
  const isSame = read.measurement === measurement && sortTags(read.tags) === sortTags(tags);
  return isSame ? written : undefined;
}

/** `field`, or undefined when no line can say it. */
export function writeFieldName(name: string): string | undefined {
  const written = escapeName(name);
  const line = `m ${written}=${trialValue},zzz=1,${written}=${trialValue} 1\n`;
  const { rowCount, fields, errorCount } = parseTrial(line);
  if (rowCount !== 1 || errorCount > 0) return undefined;
  return fields.some((field) => field.name === name && field.type === 'string')
    ? written
    : undefined;
}

/** For people: `cpu,host=a`. */
export function describeSeries(measurement: string, tags: Tags): string {
  const pairs = tags.map(([key, value]) => `,${key}=${value}`);
  return printableText(measurement + pairs.join(''));
}
