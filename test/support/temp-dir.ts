/** Temporary directories that go away when the test file ends, however it ends. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const created = new Set<string>();

process.on('exit', () => {
  for (const path of created) rmSync(path, { recursive: true, force: true });
});

/** A new empty directory. It is removed at process exit, or earlier by `removeTempDir`. */
export function makeTempDir(label = 'test'): string {
  const path = mkdtempSync(join(tmpdir(), `citadel-${label}-`));
  created.add(path);
  return path;
}

export function removeTempDir(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  created.delete(path);
}
