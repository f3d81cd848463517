/**
 * A small file system that fills up.
 *
 * Goal: writes are refused with a clear error, reads go on, nothing acknowledged is lost, and writes resume
 * by themselves when there is room. Method: a tmpfs of 96 MiB and a server on it; fill it, look, make room.
 */

import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { AckedLoad, ask } from './acked-load.ts';

const mounted: string[] = [];
const started: CitadelProcess[] = [];

function mountSmallDisk(): string | undefined {
  const path = makeTempDir('small-disk');
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', path]);
  if (status !== 0) return undefined;
  mounted.push(path);
  return path;
}

afterEach(async () => {
  for (const server of started.splice(0)) await server.cleanUp();
  for (const path of mounted.splice(0)) {
    spawnSync('umount', [path]);
    removeTempDir(path);
  }
});

const probe = mountSmallDisk();
if (probe !== undefined) spawnSync('umount', [mounted.pop()!]);
else process.stderr.write('disk-full test not run: only root may mount a tmpfs\n');

async function waitFor(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(100);
  }
}

function writeOne(server: CitadelProcess, i: number) {
  const body = `probe v=${i}i ${1_700_000_000_000_000_000n + BigInt(i)}`;
  return server.request('/write', { db: 'chaos' }, { method: 'POST', body });
}

test.runIf(probe !== undefined)(
  'a full disk refuses writes, serves reads, and recovers',
  async () => {
    const disk = mountSmallDisk()!;
    const server = await startCitadel({ dataDir: join(disk, 'data'), args: ['-memory', '32MB'] });
    started.push(server);
    const load = new AckedLoad(4);
    await load.prepare(server);
    load.start(server);
    await sleep(500);
    const filler = join(disk, 'filler');
    // Takes all that is left: the server keeps only its ballast.
    expect(() => writeFileSync(filler, Buffer.alloc(96 * 1024 * 1024))).toThrow('ENOSPC');
    await waitFor('writes are refused', async () => load.refusals.size > 0);
    await load.stop();

    const reasons = [...load.refusals.keys()];
    expect(
      reasons.every((reason) => /^50[03] .*no space left/.test(reason)),
      String(reasons),
    ).toBe(true);
    expect(await load.verify(server)).toEqual([]);
    const { status } = await writeOne(server, 1);
    expect(status).toBe(503);

    rmSync(filler);
    await waitFor('writes resume', async () => (await writeOne(server, 2)).status === 204);
    load.start(server);
    await sleep(300);
    await load.stop();
    expect(await load.verify(server)).toEqual([]);
    expect(await ask(server, 'SELECT v FROM probe')).toHaveLength(1);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    await server.restart();
    expect(await load.verify(server)).toEqual([]);
  },
);
