/** What no metadata store would take is refused alike by all of them, before it is sent anywhere. */

import { CitadelError } from '../base/errors.ts';
import { type MetaOp, type MetaTransaction, transactionSizeMax } from './meta-store.ts';

function refuse(message: string): never {
  throw new CitadelError('invalid-argument', message);
}

function checkKey(key: string): void {
  if (!/^[\x21-\x7e]+$/.test(key)) refuse('metadata key is not printable ASCII');
}

/** A key may be put once, and not deleted besides; deletes may overlap. */
function checkChangedKeys(ops: readonly MetaOp[]): void {
  const put = new Set<string>();
  for (const op of ops) {
    if (op.kind !== 'put') continue;
    checkKey(op.key);
    if (put.has(op.key)) refuse(`metadata transaction changes '${op.key}' twice`);
    put.add(op.key);
  }
  for (const op of ops) {
    const twice =
      op.kind === 'delete'
        ? put.has(op.key)
        : op.kind === 'delete-prefix' && [...put].some((key) => key.startsWith(op.prefix));
    if (twice) refuse('metadata transaction puts and deletes the same key');
  }
}

/** @throws CitadelError `invalid-argument` */
export function checkTransaction({ compare, onSuccess, onFailure = [] }: MetaTransaction): void {
  if (Math.max(compare.length, onSuccess.length, onFailure.length) > transactionSizeMax) {
    refuse(`metadata transaction has more than ${transactionSizeMax} operations`);
  }
  checkChangedKeys(onSuccess);
  checkChangedKeys(onFailure);
}
