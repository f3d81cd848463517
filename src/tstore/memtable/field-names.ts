/** Numbers for (field name, type) pairs in memory; every file has its own numbers. */

import { encodeText } from '../../base/text.ts';
import { type FieldType, fieldTypeOf, typeCode } from '../../model/field-type.ts';

export class FieldNames {
  private readonly numbers = new Map<string, number>();
  private readonly names: string[] = [];
  private readonly codes: number[] = [];

  numberOf(name: string, type: FieldType): number {
    const key = `${typeCode[type]}${name}`;
    let number = this.numbers.get(key);
    if (number === undefined) {
      number = this.names.length;
      this.numbers.set(key, number);
      this.names.push(name);
      this.codes.push(typeCode[type]);
    }
    return number;
  }

  /** -1 = no cell of it was ever seen here. */
  find(name: string, type: FieldType): number {
    return this.numbers.get(`${typeCode[type]}${name}`) ?? -1;
  }

  nameOf(number: number): string {
    return this.names[number]!;
  }

  bytesOf(number: number): Uint8Array {
    return encodeText(this.names[number]!);
  }

  typeOf(number: number): FieldType {
    return fieldTypeOf(this.codes[number]!)!;
  }
}
