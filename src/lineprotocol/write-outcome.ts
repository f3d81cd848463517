/**
 * What a write request answers besides 204: InfluxDB's texts, collected over the slices of a body.
 *
 * Order of precedence, as observed: nothing parsed and something malformed -> the malformed lines alone;
 * rows refused -> `partial write` with the first reason and the count; malformed lines beside good ones ->
 * `partial write` with all of them and `dropped=0`. Only the first reason is ever shown, a tag named time
 * before any other, because InfluxDB looks for those first.
 */

import { decodeText, printableText } from '../base/text.ts';
import type { FieldType } from '../model/field-type.ts';
import type { ParsedSlice } from './lineprotocol.ts';

/** Longer answers are cut: InfluxDB's have no end, ours must. */
const answerSizeMax = 8 * 1024 * 1024;
const tagReason = 'invalid tag key';

export interface WriteFailure {
  readonly status: 400;
  /** For `{"error": ...}`; may hold any character. */
  readonly message: string;
}

export function fieldConflict(
  measurement: string,
  field: string,
  is: FieldType,
  registered: FieldType,
): string {
  return `field type conflict: input field "${printableText(field)}" on measurement "${printableText(measurement)}" is type ${is}, already exists as type ${registered}`;
}

export const beyondRetention = 'points beyond retention policy';

export function partialWrite(reason: string, dropped: number): string {
  return `partial write: ${reason} dropped=${dropped}`;
}

export class WriteOutcome {
  private readonly lines: string[] = [];
  private linesSize = 0;
  private malformed = 0;
  private parsed = 0;
  private dropped = 0;
  private reason = '';

  /** Rows that parsed, taken or refused. */
  get parsedCount(): number {
    return this.parsed;
  }

  get droppedCount(): number {
    return this.dropped;
  }

  get malformedCount(): number {
    return this.malformed;
  }

  /** Before the slice's arrays are used again. */
  addSlice(slice: ParsedSlice): void {
    this.parsed += slice.rowCount + slice.droppedCount;
    this.malformed += slice.errorCount;
    for (const { line, reason } of slice.errors) {
      if (this.linesSize > answerSizeMax) break;
      const text = `unable to parse '${decodeText(line)}': ${reason}`;
      this.linesSize += text.length;
      this.lines.push(text);
    }
    const first = slice.dropped.find(({ reason }) => reason.startsWith(tagReason));
    const shown = first ?? slice.dropped[0];
    if (shown !== undefined) this.addDropped(shown.reason, slice.droppedCount);
  }

  /** Rows refused for one reason: a field conflict, retention. In order of the lines. */
  addDropped(reason: string, count: number): void {
    if (count === 0) return;
    const isFirst = this.dropped === 0;
    if (isFirst || (reason.startsWith(tagReason) && !this.reason.startsWith(tagReason))) {
      this.reason = reason;
    }
    this.dropped += count;
  }

  /** Undefined = 204. */
  compose(): WriteFailure | undefined {
    if (this.malformed > 0 && this.parsed === 0) return { status: 400, message: this.joinLines() };
    if (this.dropped > 0) {
      return { status: 400, message: partialWrite(this.reason, this.dropped) };
    }
    if (this.malformed === 0) return undefined;
    return { status: 400, message: partialWrite(this.joinLines(), 0) };
  }

  private joinLines(): string {
    const text = printableText(this.lines.join('\n'));
    const rest = this.malformed - this.lines.length;
    return rest === 0 ? text : `${text}\nand ${rest} more lines`;
  }
}
