/** What a store does when it meets damage: names it once, and writes the file no more. */

import { CitadelError } from '../../base/errors.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import type { StoreState } from './store-state.ts';

export function isDamage(error: unknown): error is CitadelError {
  return error instanceof CitadelError && error.code === 'corrupt';
}

/** What is sound in the file can still be read; rows for its time go to a successor. */
export function quarantine(state: StoreState, file: PartitionFile, error: CitadelError): void {
  file.quarantine ??= error.message;
  state.addFault(error.message);
}

/** Damage met while reading: the error says in which file. */
export function noteDamage(state: StoreState, error: unknown): void {
  if (!isDamage(error)) return;
  const path = error.details.file;
  for (const file of state.files()) if (file.path === path) quarantine(state, file, error);
}
