/**
 * `npm run build`: the tree of modules (tsc; types, `citadel/client`, what tests import), then what the commands run:
 * one file per entry and per part that entries share. A server runs in four threads, each of which would load up to
 * some 800 modules one by one; that was 40 % of the CPU of a start (docs/adr/0010-commands-run-from-bundles.md).
 */

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = `${root}dist/bundle`;

/** Threads are found beside the file that starts them: all entries lie in one folder. */
const entries = {
  citadel: 'cmd/citadel/main.ts',
  ctchecker: 'cmd/ctchecker/main.ts',
  'shard-worker': 'src/datanode/shard-worker.ts',
  'writer-worker': 'src/sqlite/writer-worker.ts',
};

/** Packages that read files beside their own code, and the one that two of them share. */
const external = [/^better-sqlite3/, 'etcd3', '@grpc/grpc-js', 'pino'];

function compile() {
  const compiler = `${root}node_modules/typescript/bin/tsc`;
  const args = [compiler, '-p', 'tsconfig.json'];
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
}

async function writeBundle() {
  rmSync(bundle, { recursive: true, force: true });
  const build = await rolldown({ cwd: root, input: entries, platform: 'node', external });
  await build.write({
    dir: bundle,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
  });
  await build.close();
}

process.exitCode = compile();
if (process.exitCode === 0) await writeBundle();
