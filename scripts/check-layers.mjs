/**
 * Reads dependency-cruiser's JSON from standard input and distrusts silence: a cruise that saw fewer
 * modules than there are source files proves nothing (an unsuitable TypeScript version once made it
 * "pass" with 0 modules).
 */

import { readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function countSources(folder) {
  const entries = readdirSync(`${root}/${folder}`, { recursive: true });
  return entries.filter((entry) => entry.endsWith('.ts')).length;
}

function fail(line) {
  console.error(`layers: ${line}`);
  process.exit(1);
}

function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    return fail('dependency-cruiser gave no result');
  }
}

const { modules, summary } = parse(await text(process.stdin));
const sourceCount = countSources('src') + countSources('cmd');
const seen = modules.filter(({ source }) => /^(src|cmd)\/.*\.ts$/.test(source)).length;

for (const { rule, from, to, cycle } of summary.violations) {
  const path = cycle?.length ? cycle.map((step) => step.name ?? step).join(' -> ') : to;
  console.error(`${rule.severity} ${rule.name}: ${from} -> ${path}`);
}
if (seen === 0 || seen < sourceCount) fail(`only ${seen} of ${sourceCount} files were looked at`);
if (summary.error > 0) fail(`${summary.error} violations in ${seen} modules`);
console.log(`layers: no violations in ${seen} modules`);
