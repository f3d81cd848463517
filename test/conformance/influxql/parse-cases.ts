/** The recorded cases of parsing and printing, and our answer to one. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CitadelError } from '../../../src/base/errors.ts';
import { parseQuery } from '../../../src/influxql/influxql.ts';
import { printStatement } from '../../../src/influxql/print-statement.ts';
import type { ParseAnswer } from './oracle.ts';

const directory = fileURLToPath(new URL('cases/', import.meta.url));

/** `ours` is there where we differ on purpose (docs/accepted-differences.md). */
export interface ParseCase {
  readonly query: string;
  readonly printed?: readonly string[];
  readonly error?: string;
  readonly ours?: ParseAnswer;
}

/** What we are to answer. */
export function expectedAnswer({ printed, error, ours }: ParseCase): ParseAnswer {
  return ours ?? (error === undefined ? { printed: printed ?? [] } : { error });
}

export function caseFiles(): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort();
}

export function readCases<T>(file: string): T[] {
  return JSON.parse(readFileSync(directory + file, 'utf8')) as T[];
}

/** One case per line, so that a changed answer is a changed line. */
export function writeCases(file: string, cases: readonly unknown[]): void {
  const lines = cases.map((item) => ` ${JSON.stringify(item)}`);
  writeFileSync(directory + file, `[\n${lines.join(',\n')}\n]\n`);
}

export function parseAnswer(query: string): ParseAnswer {
  try {
    return { printed: parseQuery(query).map(printStatement) };
  } catch (cause) {
    if (cause instanceof CitadelError && cause.code === 'invalid-argument') {
      return { error: cause.message };
    }
    throw cause;
  }
}
