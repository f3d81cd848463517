/** A Citadel that asks who one is, with the secret of the tests for tokens. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testSecret } from './access-people.ts';
import { type CitadelProcess, startCitadel } from './citadel-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

export async function startSecured(more: readonly string[] = []): Promise<CitadelProcess> {
  const directory = makeTempDir('secret');
  const file = join(directory, 'shared-secret');
  writeFileSync(file, `${testSecret}\n`);
  const args = ['-auth-enabled', 'true', '-shared-secret-file', file, ...more];
  const server = await startCitadel({ args });
  return {
    ...server,
    cleanUp: async () => {
      await server.cleanUp();
      removeTempDir(directory);
    },
  };
}
