/** Entry of the `ctchecker` command. */

import { UsageError } from '../flags/usage-error.ts';
import { checkKstore } from './check-kstore.ts';
import { checkTstore } from './check-tstore.ts';
import { Journal } from './journal.ts';
import { readOptions, renderHelp } from './options.ts';
import { writeKstore } from './write-kstore.ts';
import { writeTstore } from './write-tstore.ts';

const exitStatus = { failed: 1, usage: 2 };

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(renderHelp());
    return 0;
  }
  const isKeys = options.store === 'kstore';
  const journal = new Journal(isKeys ? `${options.table}.keys` : options.table);
  const [write, check] = isKeys ? [writeKstore, checkKstore] : [writeTstore, checkTstore];
  const written = options.write ? await write(options, journal) : true;
  const right = options.check ? await check(options, journal) : true;
  return written && right ? 0 : exitStatus.failed;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`ctchecker: ${error.message}\n`);
  process.exitCode = exitStatus.usage;
}
