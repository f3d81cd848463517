/** Field types and their codes. The codes are stored and sent: append-only. */

export const fieldTypes = ['float', 'integer', 'unsigned', 'string', 'boolean'] as const;
export type FieldType = (typeof fieldTypes)[number];

/** Codes in frames, chunks and catalog rows. 0 is never a type. */
export const typeCode = { float: 1, integer: 2, unsigned: 3, string: 4, boolean: 5 } as const;

const byCode: readonly (FieldType | undefined)[] = [
  undefined,
  'float',
  'integer',
  'unsigned',
  'string',
  'boolean',
];

export function fieldTypeOf(code: number): FieldType | undefined {
  return byCode[code];
}
