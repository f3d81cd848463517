/** Arbitrary rows of series as a server answers them: odd names, every type, extreme values and times. */

import fc from 'fast-check';
import type { MsgpackValue } from '../../../../../../cmd/citadel/commands/transfer/msgpack.ts';
import type {
  FieldTypes,
  SourceFieldType,
} from '../../../../../../cmd/citadel/commands/transfer/schema.ts';
import type { SeriesPart } from '../../../../../../cmd/citadel/commands/transfer/source.ts';

const letter = fc.constantFrom(
  'a',
  'B',
  ' ',
  ',',
  '=',
  '"',
  '#',
  "'",
  'é',
  '日',
  '😀',
  '\t',
  '1',
  '\udcff',
);
/** A backslash only where line protocol can say it: in front of an ordinary letter. */
const name = fc
  .array(fc.oneof({ weight: 9, arbitrary: letter }, fc.constantFrom('\\x', '\\a')), {
    minLength: 1,
    maxLength: 6,
  })
  .map((letters) => `n${letters.join('')}m`);

const anyText = fc
  .array(fc.oneof(letter, fc.constantFrom('\\', '\n', '\r\n', '\\"', '\\\\n', ',x=1')), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));

const anyValue: Readonly<Record<SourceFieldType, fc.Arbitrary<MsgpackValue>>> = {
  float: fc.double({ noNaN: true, noDefaultInfinity: true }),
  integer: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  unsigned: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  string: anyText,
  boolean: fc.boolean(),
};

/** Types that line protocol of every version reads. */
const fieldType = fc.constantFrom<SourceFieldType>('float', 'integer', 'string', 'boolean');

export interface AnyMeasurement {
  readonly types: FieldTypes;
  readonly parts: readonly SeriesPart[];
}

function uniqueNames(minLength: number, maxLength: number): fc.Arbitrary<string[]> {
  return fc.uniqueArray(name, { minLength, maxLength });
}

function anyRows(types: readonly SourceFieldType[]): fc.Arbitrary<MsgpackValue[][]> {
  const time = fc.bigInt({ min: -9223372036854775806n, max: 9223372036854775806n });
  const cells = types.map((type) => fc.option(anyValue[type], { nil: null }));
  const row = fc
    .tuple(time, ...cells)
    .filter((values) => values.slice(1).some((value) => value !== null));
  return fc.array(row, { minLength: 1, maxLength: 5 });
}

/** Several series of one measurement with the same fields. */
export const anyMeasurement: fc.Arbitrary<AnyMeasurement> = fc
  .record({ measurement: name, tagKeys: uniqueNames(0, 3), fields: uniqueNames(1, 4) })
  .chain(({ measurement, tagKeys, fields }) =>
    fc.array(fieldType, { minLength: fields.length, maxLength: fields.length }).chain((types) => {
      const part = fc
        .record({
          values: anyRows(types),
          tagValues: fc.array(fc.option(name, { nil: '' }), {
            minLength: tagKeys.length,
            maxLength: tagKeys.length,
          }),
        })
        .map(
          ({ values, tagValues }): SeriesPart => ({
            name: measurement,
            tagKeys,
            tags: tagKeys
              .map((key, i): [string, string] => [key, tagValues[i]!])
              .filter(([, value]) => value !== ''),
            columns: ['time', ...fields],
            values,
          }),
        );
      return fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => ({
        types: new Map(fields.map((field, i) => [field, new Set([types[i]!])])),
        parts,
      }));
    }),
  );
