/** The writer in the caller's own thread: for tests and for small databases such as the metadata. */

import { JobRunner } from './job-runner.ts';
import type { SqliteWriter } from './sqlite.ts';

/** `root`: the data directory, absolute. */
export function createInThreadWriter(root: string): SqliteWriter {
  return new JobRunner(root);
}
