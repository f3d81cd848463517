/**
 * Runs dependency-cruiser and distrusts silence: a cruise that saw fewer modules than there are
 * source files proves nothing (a wrong TypeScript version once made it "pass" with 0 modules).
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = ['src', 'cmd'].filter((folder) => existsSync(`${root}/${folder}`));

function countSources(folder) {
  const entries = readdirSync(`${root}/${folder}`, { recursive: true });
  return entries.filter((entry) => entry.endsWith('.ts')).length;
}

function cruise() {
  const command = `${root}/node_modules/dependency-cruiser/bin/dependency-cruise.mjs`;
  const args = [
    command,
    ...folders,
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'json',
  ];
  const child = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  try {
    return JSON.parse(child.stdout);
  } catch {
    console.error(child.stderr || child.stdout);
    throw new Error('dependency-cruiser gave no result');
  }
}

const sourceCount = folders.reduce((sum, folder) => sum + countSources(folder), 0);
const { modules, summary } = cruise();
const seen = modules.filter(({ source }) => /^(src|cmd)\/.*\.ts$/.test(source)).length;

for (const { rule, from, to, cycle } of summary.violations) {
  const path = cycle?.length ? cycle.map((step) => step.name ?? step).join(' -> ') : to;
  console.error(`${rule.severity} ${rule.name}: ${from} -> ${path}`);
}
if (seen === 0 || seen < sourceCount) {
  console.error(`layers: only ${seen} of ${sourceCount} source files were looked at`);
  process.exitCode = 1;
} else if (summary.error > 0) {
  console.error(`layers: ${summary.error} violations in ${seen} modules`);
  process.exitCode = 1;
} else {
  console.log(`layers: no violations in ${seen} modules`);
}
