/**
 * The journal: which points were acknowledged, kept outside the database under test.
 *
 * Text, appended: `run table=T count=C series=S rate=R at=TIME` opens a run, `ack FROM UNTIL` notes
 * point numbers [FROM, UNTIL) of it, `lost FROM UNTIL` points given up. Point number n is index
 * floor(n / S) of series n % S, so only runs with the same number of series can be read together.
 */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CheckerOptions } from './options.ts';

export class Journal {
  readonly path: string;

  constructor(table: string, directory = '.') {
    this.path = resolve(directory, `ctchecker-${table}.journal`);
  }

  startRun({ table, count, series, rate }: CheckerOptions): void {
    const at = new Date().toISOString();
    this.#append(`run table=${table} count=${count} series=${series} rate=${rate} at=${at}`);
  }

  acknowledge(from: number, until: number): void {
    this.#append(`ack ${from} ${until}`);
  }

  giveUp(from: number, until: number): void {
    this.#append(`lost ${from} ${until}`);
  }

  /** A flag per point number, or undefined when no run with so many series was written here. */
  readAcknowledged(pointCount: number, series: number): Uint8Array | undefined {
    if (!existsSync(this.path)) return undefined;
    return parseJournal(readFileSync(this.path, 'utf8'), pointCount, series);
  }

  #append(line: string): void {
    appendFileSync(this.path, `${line}\n`);
  }
}

export function parseJournal(
  text: string,
  pointCount: number,
  series: number,
): Uint8Array | undefined {
  const acknowledged = new Uint8Array(pointCount);
  let ranFits = false;
  let anyFits = false;
  for (const line of text.split('\n')) {
    const [word, first, second] = line.split(' ');
    if (word === 'run') {
      ranFits = line.split(' ').includes(`series=${series}`);
      anyFits ||= ranFits;
    } else if (word === 'ack' && ranFits) {
      acknowledged.fill(1, Number(first), Number(second));
    }
  }
  return anyFits ? acknowledged : undefined;
}
