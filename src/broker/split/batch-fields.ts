/** Facts about the fields of a batch that splitting asks for again and again, in flat arrays. */

import type { ParsedBatch } from '../../lineprotocol/parsed-batch.ts';
import { typeCode } from '../../model/field-type.ts';

export class BatchFields {
  /** 1 = strings. */
  readonly isText: Uint8Array;
  /** 1 = signed integers. */
  readonly isInteger: Uint8Array;
  /** Fields of one name and type in different measurements share a column key: the first of them. */
  readonly keyField: Uint32Array;
  /** The row being merged: field -> cell + 1; its fields in order of appearance. */
  readonly cellOfField: Uint32Array;
  readonly rowFields: Uint32Array;
  rowFieldCount = 0;
  private readonly seen: Uint32Array;
  private seenStamp = 0;

  constructor(batch: ParsedBatch) {
    const count = batch.fields.length;
    const firstOfName = new Map<string, number>();
    this.isText = new Uint8Array(count);
    this.isInteger = new Uint8Array(count);
    this.keyField = new Uint32Array(count);
    this.cellOfField = new Uint32Array(count);
    this.rowFields = new Uint32Array(count);
    this.seen = new Uint32Array(count);
    batch.fields.forEach(({ name, type }, field) => {
      const key = `${typeCode[type]}${name}`;
      const first = firstOfName.get(key) ?? field;
      if (first === field) firstOfName.set(key, field);
      this.keyField[field] = first;
      this.isText[field] = type === 'string' ? 1 : 0;
      this.isInteger[field] = type === 'integer' ? 1 : 0;
    });
  }

  beginRow(): void {
    for (let k = 0; k < this.rowFieldCount; k++) this.cellOfField[this.rowFields[k]!] = 0;
    this.rowFieldCount = 0;
  }

  /** A later cell of the same field replaces the earlier one. */
  putCell(field: number, cell: number): void {
    if (this.cellOfField[field] === 0) this.rowFields[this.rowFieldCount++] = field;
    this.cellOfField[field] = cell + 1;
  }

  hasRepeats(cellField: Uint32Array, first: number, width: number): boolean {
    const stamp = ++this.seenStamp;
    for (let k = 0; k < width; k++) {
      const field = cellField[first + k]!;
      if (this.seen[field] === stamp) return true;
      this.seen[field] = stamp;
    }
    return false;
  }
}
