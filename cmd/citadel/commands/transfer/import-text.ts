/** Import of a file (or standard input): reads, sends, notes how far it is. */

import type { Precision } from '../../../../src/lineprotocol/precision.ts';
import { CommandError } from '../command-error.ts';
import type { CommandIo } from '../command-io.ts';
import type { Destination, WriteTarget } from './destination.ts';
import { ImportReport, type Totals } from './import-report.ts';
import { type Input, openInput } from './input.ts';
import { interruptedStatus } from './interrupt.ts';
import { Journal } from './journal.ts';
import type { Pacer } from './pacer.ts';
import {
  createImportFileEnd,
  type FindEnd,
  findCsvEnd,
  findProtocolEnd,
  type RecordBlock,
  RecordCutter,
} from './records.ts';
import { listDatabases, listPolicies, quoteName } from './schema.ts';
import type { Source } from './source.ts';
import { type TextFormat, TextRecords, type TextStep } from './text-records.ts';

export interface TextImport {
  readonly path: string;
  /** URLs it goes to. */
  readonly target: readonly string[];
  readonly format: TextFormat | 'auto';
  readonly database: string;
  readonly policy: string;
  readonly precision: Precision;
  readonly batchMax: number;
  /** Makes the database when it is missing. */
  readonly create: boolean;
  /** '' = beside the current directory, named after the file. */
  readonly journal: string;
  readonly restart: boolean;
}

export interface ImportParts {
  readonly io: CommandIo;
  /** Where it goes to: for questions and for writes. */
  readonly source: Source;
  readonly destination: Destination;
  readonly pacer: Pacer;
  readonly signal: AbortSignal;
  /** How parts with a `note` option reach the report; set once it is there. */
  readonly notes: { say: (message: string) => void };
}

/** A state of the import that a later run can go on from. */
interface Step extends Totals {
  /** Last line that is done. */
  readonly line: number;
  readonly share: number;
  /** Time of points that have none, ns; the same for all runs. */
  readonly now: string;
}

const finders: Readonly<Record<TextFormat, () => FindEnd>> = {
  line: () => findProtocolEnd,
  influx: createImportFileEnd,
  csv: () => findCsvEnd,
};

/** By the first bytes. */
function sniff(part: Buffer): TextFormat {
  const [first = ''] = part.subarray(0, 4096).toString().trimStart().split('\n', 1);
  if (first.startsWith('#datatype') || first.startsWith('#group')) return 'csv';
  return /^# (DDL|DML|CONTEXT-|INFLUXDB EXPORT)/.test(first) ? 'influx' : 'line';
}

function journalPath(input: Input): string {
  const name = input.name.split('/').at(-1) ?? '';
  return `citadel-import-${name}.journal`;
}

/** Nothing can be gone on with from standard input. */
function openJournal(input: Input, wanted: TextImport): Journal<Step> | undefined {
  if (input.identity === '') return undefined;
  const { target, format, database, policy, precision } = wanted;
  const task = [input.identity, ...target, format, database, policy, precision].join(' | ');
  const path = wanted.journal === '' ? journalPath(input) : wanted.journal;
  return Journal.open<Step>(path, task, wanted.restart);
}

class TextImporter {
  readonly #wanted: TextImport;
  readonly #parts: ImportParts;
  readonly #input: Input;
  readonly #journal: Journal<Step> | undefined;
  readonly #report: ImportReport;
  readonly #before: Step;
  /** Targets that are known to be there. */
  readonly #checked = new Set<string>();

  constructor(wanted: TextImport, parts: ImportParts) {
    this.#wanted = wanted;
    this.#parts = parts;
    this.#input = openInput(wanted.path);
    this.#journal = openJournal(this.#input, wanted);
    const now = String(BigInt(Date.now()) * 1_000_000n);
    const first = { line: 0, share: 0, written: 0, refused: 0, now };
    this.#before = this.#journal?.steps.at(-1) ?? first;
    this.#report = new ImportReport(parts.io, this.#before, () => ({
      share: this.#share(),
      before: this.#before.share,
    }));
    parts.notes.say = (message) => this.#report.note(message);
    if (this.#before.line > 0) {
      this.#report.note(`going on behind line ${this.#before.line} (${this.#journal?.path})`);
    }
  }

  /** The exit status. */
  async run(): Promise<number> {
    try {
      await this.#readAll();
    } catch (error) {
      this.#report.leave();
      if (!this.#parts.signal.aborted) throw this.#withHint(error);
    }
    if (this.#parts.signal.aborted) {
      this.#parts.io.err(`citadel: interrupted; ${this.#howToGoOn()}\n`);
      return interruptedStatus;
    }
    this.#journal?.remove();
    return this.#report.finish();
  }

  #share(): number | undefined {
    const { size, position } = this.#input;
    return size === undefined ? undefined : Math.min(1, position() / Math.max(1, size));
  }

  #howToGoOn(): string {
    return this.#journal === undefined
      ? 'standard input cannot be gone on with: import it again, points are not doubled'
      : `the same command goes on where it stopped (${this.#journal.path})`;
  }

  #withHint(error: unknown): unknown {
    if (!(error instanceof CommandError)) return error;
    return new CommandError(`${error.message}; ${this.#howToGoOn()}`);
  }

  /** While a batch is on its way the next one is read. */
  async #readAll(): Promise<void> {
    const { signal } = this.#parts;
    let records: TextRecords | undefined;
    let cutter: RecordCutter | undefined;
    let sending: Promise<void> = Promise.resolve();
    const take = async (block: RecordBlock) => {
      for (const step of records?.steps(block, this.#before.line) ?? []) {
        await sending;
        if (signal.aborted) return;
        sending = this.#perform(step);
        // Awaited above, or at the end.
        sending.catch(() => undefined);
      }
    };
    for await (const part of this.#input.parts) {
      if (cutter === undefined) {
        const format = this.#wanted.format === 'auto' ? sniff(part) : this.#wanted.format;
        cutter = new RecordCutter(finders[format]());
        records = this.#openRecords(format);
      }
      await take(cutter.cut(part, false));
      if (signal.aborted) break;
    }
    if (cutter !== undefined && !signal.aborted) await take(cutter.cut(Buffer.alloc(0), true));
    await sending;
  }

  #openRecords(format: TextFormat): TextRecords {
    const { database, policy, precision, batchMax } = this.#wanted;
    if (format !== 'influx' && database === '')
      throw new CommandError('say which database: -db NAME');
    const nowNs = BigInt(this.#before.now);
    return new TextRecords({ format, database, policy, precision, batchMax, nowNs });
  }

  async #perform(step: TextStep): Promise<void> {
    const { destination, pacer } = this.#parts;
    if (step.kind === 'statement') {
      await this.#runStatement(step.text);
    } else {
      for (const refusal of step.refusals) this.#report.refuse(refusal);
      if (step.batch.count > 0) {
        await this.#checkTarget(step.target);
        await pacer.take(step.batch.count);
        const { written, refusals } = await destination.write(step.batch, step.target);
        this.#report.totals.written += written;
        for (const refusal of refusals) this.#report.refuse(refusal);
      }
    }
    const { totals } = this.#report;
    const { now } = this.#before;
    this.#journal?.note({ line: step.line, share: this.#share() ?? 0, ...totals, now });
  }

  /** What is there already is no reason to stop: a file may be imported twice. */
  async #runStatement(statement: string): Promise<void> {
    try {
      await this.#parts.destination.run(statement);
    } catch (error) {
      const isThere =
        error instanceof CommandError && /already exists|conflicts/.test(error.message);
      if (!isThere) throw error;
      this.#report.note(error.message);
    }
  }

  /** A missing database or policy is said at once, not after minutes of attempts. @throws CommandError */
  async #checkTarget({ database, policy }: WriteTarget): Promise<void> {
    const key = JSON.stringify([database, policy]);
    if (this.#checked.has(key)) return;
    const { source, destination } = this.#parts;
    if (database === '')
      throw new CommandError('no database: -db NAME, or # CONTEXT-DATABASE in the file');
    if (!(await listDatabases(source)).includes(database)) {
      if (!this.#wanted.create) {
        throw new CommandError(`no database ${quoteName(database)}; -create makes it`);
      }
      await destination.run(`CREATE DATABASE ${quoteName(database)}`);
    }
    const policies = policy === '' ? [] : await listPolicies(source, database);
    if (policy !== '' && !policies.some(({ name }) => name === policy)) {
      throw new CommandError(`no retention policy ${quoteName(policy)} in ${quoteName(database)}`);
    }
    this.#checked.add(key);
  }
}

export function importText(wanted: TextImport, parts: ImportParts): Promise<number> {
  return new TextImporter(wanted, parts).run();
}
