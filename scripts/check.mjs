/** `npm run check`: every static check, all of them even when an early one fails. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const checks = ['lint', 'layers', 'dead-code', 'typecheck'];

const failed = checks.filter((name) => {
  const { status } = spawnSync('npm', ['run', '--silent', name], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status !== 0;
});

if (failed.length > 0) {
  console.log(`check: ${failed.join(', ')} failed`);
  process.exitCode = 1;
} else {
  console.log(`check: ${checks.join(', ')} passed`);
}
