/** How an export is written: line protocol, the file format of `influx -import`, or annotated CSV. */

import { printableText } from '../../../../src/base/text.ts';
import { CsvWriter } from './csv-text.ts';
import { LineWriter } from './line-writer.ts';
import { createPolicy, type FieldTypes, type Policy } from './schema.ts';
import type { SeriesPart } from './source.ts';

export type ExportFormat = 'line' | 'influx' | 'csv';

/** Rows -> text; what cannot be written is counted. */
export interface RowWriter {
  write(part: SeriesPart): {
    readonly text: string;
    readonly unwritable: number;
    readonly reason: string;
  };
}

function lineRows(types: FieldTypes): RowWriter {
  const writer = new LineWriter(types);
  return {
    write: (part) => {
      const { lines, unwritable, reason } = writer.write(part);
      return { text: lines.join(''), unwritable, reason };
    },
  };
}

function csvRows(types: FieldTypes): RowWriter {
  const writer = new CsvWriter(types);
  return { write: (part) => ({ text: writer.write(part), unwritable: 0, reason: '' }) };
}

/** One measurement. */
export function openRows(format: ExportFormat, types: FieldTypes): RowWriter {
  return format === 'csv' ? csvRows(types) : lineRows(types);
}

export interface ExportedDatabase {
  readonly name: string;
  readonly policies: readonly Policy[];
  readonly queries: readonly string[];
}

/** Statements are one line each, whatever names hold. */
function oneLine(statement: string): string {
  return statement.replaceAll('\n', '\\n');
}

/** What stands before the points. */
export function renderOpening(
  format: ExportFormat,
  databases: readonly ExportedDatabase[],
): string {
  if (format !== 'influx') return '';
  const statements = databases.flatMap(({ name, policies, queries }) => {
    const first = policies.find(({ isDefault }) => isDefault) ?? policies[0];
    const others = policies.filter((policy) => policy !== first);
    return [
      ...(first === undefined ? [] : [createPolicy(name, first, true)]),
      ...others.map((policy) => createPolicy(name, policy, false)),
      ...queries,
    ];
  });
  return ['# DDL', ...statements.map(oneLine), '# DML', ''].join('\n');
}

/** What says where the following points belong. */
export function renderContext(format: ExportFormat, database: string, policy: string): string {
  if (format !== 'influx') return '';
  const [db, rp] = [database, policy].map(printableText);
  return `# CONTEXT-DATABASE:${db}\n# CONTEXT-RETENTION-POLICY:${rp}\n`;
}
