/** What a key, a value and a table's name may be. Checked by the broker, and again where a frame is opened. */

import { CitadelError } from '../base/errors.ts';
import { encodeText } from '../base/text.ts';

/** Bytes. */
export const kvKeySizeMax = 64 * 1024;
export const kvValueSizeMax = 16 * 1024 * 1024;
export const kvTableNameSizeMax = 255;

/** @throws CitadelError `invalid-argument` */
export function checkTableName(name: string): void {
  const size = encodeText(name).length;
  if (size === 0) throw new CitadelError('invalid-argument', 'table name is empty');
  if (size <= kvTableNameSizeMax) return;
  throw new CitadelError(
    'invalid-argument',
    `table name is too long: ${size} bytes, at most ${kvTableNameSizeMax}`,
  );
}

/** Undefined = it may be stored. */
export function describeBadPair(keySize: number, valueSize: number): string | undefined {
  if (keySize === 0) return 'key is empty';
  if (keySize > kvKeySizeMax) return `key is too long: ${keySize} bytes, at most ${kvKeySizeMax}`;
  if (valueSize > kvValueSizeMax) {
    return `value is too long: ${valueSize} bytes, at most ${kvValueSizeMax}`;
  }
  return undefined;
}
