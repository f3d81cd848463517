/** Citadel processes whose power can be cut: started with powercut.c between them and the file system. */

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CitadelOptions, CitadelProcess } from '../../support/citadel-process.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import { type CutReport, clearJournal, enactPowerCut } from './enact.ts';

const source = fileURLToPath(new URL('./powercut.c', import.meta.url));
/** A kill then falls into a sync more often; of the order of a real disk's. */
const syncUs = 2_000;

/** False where there is no C compiler; tests say so and are skipped. */
export const compilerInstalled = spawnSync('cc', ['--version']).status === 0;

export interface PowerPlant {
  /** What a process on this data directory is started with. */
  optionsOf(name: string): Pick<CitadelOptions, 'dataDir' | 'env'>;
  journalDirOf(node: CitadelProcess): string;
  /** SIGKILL, then what was not synced is lost. The same seed loses the same of the same. */
  cut(node: CitadelProcess, seed: number): Promise<CutReport>;
  cleanUp(): void;
}

/** Compiles the library. @throws Error with the compiler's words */
export function buildPowerPlant(): PowerPlant {
  const root = makeTempDir('power-cut');
  const library = join(root, 'powercut.so');
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', library];
  const built = spawnSync('cc', [...flags, source, '-ldl', '-lpthread'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`cannot compile powercut.c: ${built.stderr}`);
  const journalDirOf = (dataDir: string) => `${dataDir}.journal`;
  return {
    optionsOf: (name) => {
      const dataDir = join(root, name);
      mkdirSync(dataDir);
      clearJournal(journalDirOf(dataDir));
      const env = {
        LD_PRELOAD: library,
        POWERCUT_DIR: dataDir,
        POWERCUT_JOURNAL: journalDirOf(dataDir),
        POWERCUT_SYNC_US: String(syncUs),
        // Calls through io_uring pass the library by.
        UV_USE_IO_URING: '0',
      };
      return { dataDir, env };
    },
    journalDirOf: ({ dataDir }) => journalDirOf(dataDir),
    cut: async ({ kill, dataDir }, seed) => {
      await kill();
      return enactPowerCut({ dataDir, journalDir: journalDirOf(dataDir), seed });
    },
    cleanUp: () => removeTempDir(root),
  };
}
