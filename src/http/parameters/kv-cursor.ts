/** Where a list goes on: the last key it gave, as URL-safe base64. */

import { CitadelError } from '../../base/errors.ts';

/** The least key behind it. @throws CitadelError `invalid-argument` */
export function keyAfterCursor(cursor: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]+$/.test(cursor)) {
    throw new CitadelError('invalid-argument', 'the cursor is not one that a list gave');
  }
  const key = Buffer.from(cursor, 'base64url');
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
