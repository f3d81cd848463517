/**
 * The fields of an ordinary line that need no thought: the expected name, seen before in this batch, then
 * an integer or a float of few digits. Whatever else comes is left, untouched, to fast-row.ts.
 *
 * Most cells of most bodies pass through here, so all that a field needs lies in locals; nothing in the
 * loop can replace the arrays they point to.
 */

import { typeCode } from '../model/field-type.ts';
import { equalRanges } from './byte-table.ts';
import { codesPerField, type FieldNames } from './field-names.ts';
import type { RowStore } from './row-store.ts';

const lineFeed = 0x0a;
const space = 0x20;
const comma = 0x2c;
const minus = 0x2d;
const dot = 0x2e;
const zero = 0x30;
const lowerI = 0x69;

const { float: floatCode, integer: integerCode } = typeCode;
/** So many digits always fit into 31 bits. */
const digitsMax = 9;
/** Exact: a quotient of two exact numbers is rounded once, as strtod does. */
const powersOfTen = Float64Array.from({ length: digitsMax + 1 }, (_, i) => 10 ** i);
/** Room for so many cells is made in advance. */
const cellsMax = 64;

export class FieldRun {
  /** The field expected next, -1 = none; the last one read in this line, -1 = none. */
  expected = -1;
  previous = -1;
  private readonly rows: RowStore;
  private fields!: FieldNames;
  private body!: Uint8Array;
  private view!: DataView;
  private limit = 0;

  constructor(rows: RowStore) {
    this.rows = rows;
  }

  /** `limit` as in fast-row.ts. */
  begin(fields: FieldNames, body: Uint8Array, view: DataView, limit: number): void {
    this.fields = fields;
    this.body = body;
    this.view = view;
    this.limit = limit;
  }

  /**
   * Reads fields from the name at `start` on. Returns the index of the byte behind the last one when the
   * line's fields end there, else -1 - the index of the name that is left to others.
   */
  scan(start: number): number {
    const { fields, rows, body, view, limit } = this;
    const { fieldName, fieldNext, slotStamp, slotIndex, stamp, names } = fields;
    const { sizes, starts, view: nameView } = names;
    rows.reserveCells(cellsMax);
    const { cellField, cellWords, cellFloats } = rows;
    const cellsEnd = rows.cellCount + cellsMax;
    let cell = rows.cellCount;
    let field = this.expected;
    let last = this.previous;
    let at = start;
    let end = -1;
    while (field >= 0 && cell < cellsEnd) {
      const name = fieldName[field]!;
      const size = sizes[name]!;
      if (at + size > limit || !equalRanges(view, at, nameView, starts[name]!, size)) break;
      const isNegative = body[at + size] === minus;
      const digits = isNegative ? at + size + 1 : at + size;
      let to = digits;
      let value = 0;
      let digit = body[to]! - zero;
      while (digit >= 0 && digit <= 9 && to - digits <= digitsMax) {
        value = (Math.imul(value, 10) + digit) | 0;
        digit = body[++to]! - zero;
      }
      let decimals = 0;
      if (digit === dot - zero) {
        const point = to++;
        digit = body[to]! - zero;
        while (digit >= 0 && digit <= 9 && to - digits <= digitsMax + 1) {
          value = (Math.imul(value, 10) + digit) | 0;
          digit = body[++to]! - zero;
        }
        decimals = to - point;
      }
      const isInteger = digit === lowerI - zero;
      // The dot counts as one place; a dot alone, or one before an `i`, is for others to judge.
      const places = to - digits;
      if (places === 0 || places > (decimals > 0 ? digitsMax + 1 : digitsMax)) break;
      if (decimals > 0 && (isInteger || places === 1)) break;
      const behind = isInteger ? to + 1 : to;
      const ender = body[behind]!;
      if (ender !== comma && ender !== space && ender !== lineFeed) break;
      const slot = field * codesPerField + (isInteger ? integerCode : floatCode);
      if (slotStamp[slot] !== stamp) break;
      cellField[cell] = slotIndex[slot]!;
      if (isInteger) {
        const signed = isNegative ? -value | 0 : value;
        cellWords[2 * cell] = signed;
        cellWords[2 * cell + 1] = signed >> 31;
      } else {
        const float = decimals > 1 ? value / powersOfTen[decimals - 1]! : value;
        cellFloats[cell] = isNegative ? -float : float;
      }
      cell++;
      last = field;
      field = fieldNext[field]! - 1;
      at = behind + 1;
      if (ender !== comma) {
        end = behind;
        break;
      }
    }
    rows.cellCount = cell;
    this.expected = field;
    this.previous = last;
    return end >= 0 ? end : -1 - at;
  }
}
