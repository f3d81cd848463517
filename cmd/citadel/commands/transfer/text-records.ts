/**
 * Records of an import file -> batches of lines with where each goes to.
 *
 * `line`: line protocol. `influx`: what `influx -import` reads, statements behind `# DDL`, lines behind
 * `# DML`, `# CONTEXT-DATABASE: d` and `# CONTEXT-RETENTION-POLICY: p` between them. `csv`: annotated CSV.
 * Lines that are no line protocol are told by their number and do not reach the server. Lines without a time
 * get that of the import, so that sending them twice stores them once.
 */

import { invariant } from '../../../../src/base/errors.ts';
import { decodeText, encodeText, printableText } from '../../../../src/base/text.ts';
import { LineParser, type ParsedSlice } from '../../../../src/lineprotocol/lineprotocol.ts';
import { nsPerUnit, type Precision, truncateTime } from '../../../../src/lineprotocol/precision.ts';
import { describeError } from '../../../client/http.ts';
import { CommandError } from '../command-error.ts';
import { CsvLines, HeadingError } from './csv-lines.ts';
import type { Refusal, WriteTarget } from './destination.ts';
import type { RecordBlock } from './records.ts';
import type { WriteBatch } from './write-batch.ts';

export type TextFormat = 'line' | 'influx' | 'csv';

export interface TextTask {
  readonly format: TextFormat;
  readonly database: string;
  readonly policy: string;
  readonly precision: Precision;
  /** Lines of one request. */
  readonly batchMax: number;
  /** Time of points that have none, ns. */
  readonly nowNs: bigint;
}

export type TextStep =
  | { readonly kind: 'statement'; readonly text: string; readonly line: number }
  | {
      readonly kind: 'lines';
      readonly target: WriteTarget;
      readonly batch: WriteBatch;
      /** Lines that are malformed, whatever the server says. */
      readonly refusals: readonly Refusal[];
      /** Number of the last line that this step covers. */
      readonly line: number;
    };

type Item =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'line'; readonly bytes: Uint8Array }
  | { readonly kind: 'statement'; readonly text: string }
  | { readonly kind: 'context'; readonly database: string; readonly policy: string };

/** Bytes of one request; servers take 25,000,000 by default. */
const batchSizeMax = 8_000_000;
const shownSizeMax = 120;
const hash = 0x23;
const lineFeed = 0x0a;
const nothing: Item = { kind: 'nothing' };
/** What the parser is told is now, so that lines without a time can be seen. */
const markNs = 1_234_567_890_123_456_789n;

function isBlank(record: Uint8Array): boolean {
  return record.every((byte) => byte <= 0x20);
}

function show(line: Uint8Array): string {
  const text = printableText(decodeText(line)).trimEnd();
  return JSON.stringify(text.length > shownSizeMax ? `${text.slice(0, shownSizeMax)}...` : text);
}

/** Lines that wait to be sent, each with its number in the file. */
class Collected {
  readonly parts: Uint8Array[] = [];
  readonly numbers: number[] = [];
  size = 0;

  add(part: Uint8Array, number: number): void {
    this.parts.push(part);
    this.numbers.push(number);
    this.size += part.length;
  }

  /** Without some; `changed` stand in place of others. */
  select(without: ReadonlySet<number>, changed: ReadonlyMap<number, Uint8Array>): Collected {
    const kept = new Collected();
    for (const [i, part] of this.parts.entries()) {
      if (!without.has(i)) kept.add(changed.get(i) ?? part, this.numbers[i]!);
    }
    return kept;
  }
}

export class TextRecords {
  readonly #task: TextTask;
  readonly #parser = new LineParser();
  readonly #csv = new CsvLines();
  #target: WriteTarget;
  #isDdl: boolean;
  #collected = new Collected();
  #refusals: Refusal[] = [];

  constructor(task: TextTask) {
    const { database, policy, precision, format } = task;
    this.#task = task;
    this.#target = { database, policy, precision };
    this.#isDdl = format === 'influx';
  }

  /** What to do for the records behind line `doneLine`, in order. @throws CommandError */
  *steps(block: RecordBlock, doneLine: number): Generator<TextStep> {
    let last = 0;
    for (const [i, line] of block.lineNumbers.entries()) {
      const record = block.bytes.subarray(block.starts[i]!, block.starts[i + 1]!);
      const isNew = line > doneLine;
      const item = this.#classify(record, line, isNew);
      if (item.kind === 'statement' || item.kind === 'context') {
        if (last > doneLine) yield this.#flush(last);
        if (item.kind === 'statement' && isNew) yield { kind: 'statement', text: item.text, line };
        if (item.kind === 'context') {
          const { database, policy } = item;
          this.#target = { ...this.#target, database, policy };
        }
      }
      last = line;
      if (item.kind !== 'line' || !isNew) continue;
      this.#collected.add(item.bytes, line);
      const { parts, size } = this.#collected;
      if (parts.length >= this.#task.batchMax || size >= batchSizeMax) yield this.#flush(line);
    }
    if (last > doneLine) yield this.#flush(last);
  }

  #classify(record: Buffer, line: number, isNew: boolean): Item {
    if (this.#task.format === 'csv') return this.#readCsv(record, line, isNew);
    if (isBlank(record)) return nothing;
    if (record[0] === hash) {
      return this.#task.format === 'influx' ? this.#readComment(record.toString().trim()) : nothing;
    }
    if (this.#isDdl) return { kind: 'statement', text: record.toString().trim() };
    return { kind: 'line', bytes: record };
  }

  #readComment(text: string): Item {
    if (text === '# DDL') this.#isDdl = true;
    if (text === '# DML') this.#isDdl = false;
    const { database } = this.#target;
    const match = /^# CONTEXT-(DATABASE|RETENTION-POLICY):(.*)$/.exec(text);
    if (match === null) return nothing;
    this.#isDdl = false;
    const value = match[2]!.trim();
    if (match[1] === 'DATABASE') return { kind: 'context', database: value, policy: '' };
    return { kind: 'context', database, policy: value };
  }

  #readCsv(record: Buffer, line: number, isNew: boolean): Item {
    try {
      const written = this.#csv.read(decodeText(record).replace(/\r?\n$/, ''));
      if (written === undefined) return nothing;
      return { kind: 'line', bytes: encodeText(`${written}\n`) };
    } catch (error) {
      if (error instanceof HeadingError) throw new CommandError(`line ${line}: ${error.message}`);
      if (!(error instanceof CommandError)) throw error;
      const place = `line ${line}`;
      if (isNew) this.#refusals.push({ place, reason: describeError(error), count: 1 });
      return nothing;
    }
  }

  /** All that was collected, as a step. */
  #flush(line: number): TextStep {
    const good = this.#checkLines(this.#collected);
    const refusals = this.#refusals;
    this.#collected = new Collected();
    this.#refusals = [];
    const { parts, numbers } = good;
    const batch = {
      body: Buffer.concat(parts),
      count: parts.length,
      placeOf: (index: number) => `line ${numbers[index]}`,
    };
    return { kind: 'lines', target: this.#target, batch, refusals, line };
  }

  /** Those that are line protocol, each with a time; the others are refused. */
  #checkLines(collected: Collected): Collected {
    const { database } = this.#target;
    const { precision } = this.#task;
    const { parts, numbers } = collected;
    if (parts.length === 0) return collected;
    const last = parts.at(-1)!;
    if (last.at(-1) !== lineFeed)
      parts[parts.length - 1] = Buffer.concat([last, Buffer.from('\n')]);
    const body = Buffer.concat(parts);
    const slice = this.#parser.parse(body, { database, precision, nowNs: markNs });
    invariant(slice.nextLine === parts.length + 1, 'lines are counted alike');
    const bad = new Set<number>();
    const refuse = (index: number, reason: string) => {
      bad.add(index);
      const place = `line ${numbers[index]}`;
      this.#refusals.push({ place, reason: `${reason}: ${show(parts[index]!)}`, count: 1 });
    };
    for (const { lineNumber, reason } of slice.errors) refuse(lineNumber - 1, reason);
    for (const { lineNumber, reason } of slice.dropped) refuse(lineNumber - 1, reason);
    const stamped = this.#stamp(slice, collected, bad);
    return bad.size === 0 && stamped.size === 0 ? collected : collected.select(bad, stamped);
  }

  /** Lines without a time, with that of the import. */
  #stamp(
    slice: ParsedSlice,
    { parts }: Collected,
    bad: ReadonlySet<number>,
  ): Map<number, Uint8Array> {
    const { precision, nowNs } = this.#task;
    const unit = nsPerUnit[precision];
    const mark = truncateTime(markNs, precision);
    const stamped = new Map<number, Uint8Array>();
    let row = 0;
    for (let i = 0; i < parts.length; i++) {
      if (bad.has(i)) continue;
      const time = slice.rowTimes[row++]!;
      if (time !== mark) continue;
      const text = decodeText(parts[i]!).trimEnd();
      if (text.endsWith(` ${mark / unit}`)) continue;
      stamped.set(i, encodeText(`${text} ${truncateTime(nowNs, precision) / unit}\n`));
    }
    return stamped;
  }
}
