/**
 * Goal: a backup taken while a cluster is written to holds everything acknowledged before, the next one fetches only
 * what changed, and both come back whole: into a cluster of other size, and under another name. A damaged one is refused.
 * Method: real processes; what queries and keys answer is compared between source and target, copies by `citadel verify`.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelCluster, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import { runBin } from '../support/run-command.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const hostCount = 25;
const shards = 4;

describe.skipIf(!etcdInstalled)('backups', () => {
  const folder = makeTempDir('backup');
  let cluster: CitadelCluster;
  let single: CitadelProcess;
  let source: CitadelProcess;
  let rows = 0;

  beforeAll(async () => {
    const starting = startCitadel({ args: ['-shards', String(shards)] });
    cluster = await startCluster({ shards });
    single = await starting;
    source = cluster.nodes[0]!;
  }, 90_000);
  afterAll(async () => {
    await Promise.all([cluster?.cleanUp(), single?.cleanUp()]);
    removeTempDir(folder);
  });

  async function query(node: CitadelProcess, q: string, db = 'd'): Promise<string> {
    const answer = await node.request('/query', { db, q, epoch: 'ns' }, { method: 'POST' });
    expect(answer.text()).not.toContain('"error"');
    return answer.text();
  }

  async function writeRows(count: number): Promise<void> {
    const lines: string[] = [];
    for (let i = 0; i < count; i++, rows++) {
      const time = 1_600_000_000 + rows * 600;
      lines.push(
        `m,host=h${rows % hostCount} v=${rows / 8},n=${rows}i,s="text ${rows % 9}" ${time}`,
      );
      lines.push(`m,host=h${rows % hostCount} b=${rows % 2 === 0} ${time}`);
    }
    const params = { db: 'd', precision: 's', consistency: 'all' };
    const answer = await source.request('/write', params, {
      method: 'POST',
      body: lines.join('\n'),
    });
    expect(answer.status, answer.text()).toBe(204);
  }

  async function command(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await runBin('citadel', args);
    expect(status, stderr + stdout).toBe(0);
    return stdout;
  }

  const everything =
    'SELECT * FROM m GROUP BY host; SELECT * FROM long.p; SHOW SERIES; SHOW FIELD KEYS';

  test('one taken under load is whole, and the next one fetches what changed', async () => {
    await query(source, 'CREATE DATABASE d');
    await query(
      source,
      'CREATE RETENTION POLICY long ON d DURATION 0s REPLICATION 1 SHARD DURATION 4w',
    );
    await query(source, 'CREATE DATABASE other');
    await query(source, `CREATE USER ann WITH PASSWORD 'secret'`);
    await writeRows(2_000);
    await query(source, `DELETE FROM m WHERE host = 'h3' AND time < 1600500000s`);
    const long = { db: 'd', rp: 'long', precision: 's' };
    const body = 'p,a=x v=1 1500000000\np,a=y w=2i 1400000000';
    expect((await source.request('/write', long, { method: 'POST', body })).status).toBe(204);
    const pairs = Array.from({ length: 200 }, (_, i) => `key${i}=value ${i}`).join('\n');
    await source.request('/kv/put', { table: 't' }, { method: 'POST', body: pairs });

    let isTaken = false;
    const load = (async () => {
      while (!isTaken) await writeRows(20);
    })();
    const before = rows;
    const first = await command('backup', folder, '-url', source.url).finally(() => {
      isTaken = true;
    });
    await load;
    expect(first).toContain(', 0 of ');
    expect(rows).toBeGreaterThan(before);
    expect(await command('backup', 'verify', folder)).toContain('is whole');
    // Stores are flushed and compacted when they are idle: from then on files stay as they are, and of each
    // shard of series only what is in memory is fetched.
    const isUnchanged = async () => {
      const said = await command('backup', folder, '-url', source.url);
      const [, reused = '0', all = '0'] = /(\d+) of (\d+) sections unchanged/.exec(said) ?? [];
      if (Number(reused) < Number(all) - shards) throw new Error(said);
      return Number(reused) > 0;
    };
    await waitUntil('a backup fetches nothing but memory', isUnchanged, 60_000);
    const manifests = readdirSync(folder).filter((name) => name.startsWith('manifest-'));
    expect(manifests.length).toBeGreaterThan(1);
  }, 180_000);

  test('it comes back into a node of its own, with users and keys', async () => {
    await command('restore', folder, '-url', single.url);
    expect(await query(single, everything)).toBe(await query(source, everything));
    expect(await query(single, 'SHOW RETENTION POLICIES')).toBe(
      await query(source, 'SHOW RETENTION POLICIES'),
    );
    expect(await query(single, 'SHOW DATABASES')).toBe(await query(source, 'SHOW DATABASES'));
    expect(await query(single, 'SHOW USERS')).toContain('"ann"');
    const keys = { table: 't', keys: 'key7,key199' };
    const [here, there] = await Promise.all([
      single.request('/kv/get', keys),
      source.request('/kv/get', keys),
    ]);
    expect(here.text()).toBe(there.text());
    expect(here.text()).toContain('value 199');
    // What is written from now on wins over what was restored.
    const body = 'm,host=h0 v=-1 1600000000';
    await single.request('/write', { db: 'd', precision: 's' }, { method: 'POST', body });
    expect(await query(single, 'SELECT v FROM m WHERE time = 1600000000s')).toContain(',-1]');
    const again = await runBin('citadel', ['restore', folder, '-url', single.url]);
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('is there already')]);
  }, 120_000);

  test('one database comes back under another name, the same on all copies', async () => {
    const args = ['restore', folder, '-url', source.url, '-database', 'd=old'];
    expect(await command(...args)).toContain('database d as old');
    for (const node of cluster.nodes) {
      expect(await query(node, everything, 'old')).toBe(await query(source, everything));
    }
    expect(await command('verify', '-url', source.url)).toContain(`${2 * shards} of ${2 * shards}`);
    await query(source, 'DROP DATABASE old');
    expect(await query(source, 'SELECT count(v) FROM m')).toContain('[0,');
  }, 120_000);

  test('a damaged one is refused before anything is made', async () => {
    const names = readdirSync(folder).filter((name) => name.startsWith('manifest-'));
    const newest = names.sort().at(-1)!;
    const { manifest } = JSON.parse(readFileSync(join(folder, newest), 'utf8')) as {
      manifest: { sections: { file: string; bytes: number }[] };
    };
    const [first] = manifest.sections.sort((a, b) => b.bytes - a.bytes);
    const largest = join(folder, first!.file);
    const whole = readFileSync(largest);
    const bad = Buffer.from(whole);
    bad[Math.floor(bad.length / 2)]! ^= 4;
    writeFileSync(largest, bad);
    const seen = await runBin('citadel', ['backup', 'verify', folder]);
    expect([seen.status, seen.stderr]).toEqual([
      1,
      expect.stringContaining('cannot use the backup'),
    ]);
    const args = ['restore', folder, '-url', source.url, '-database', 'd=third'];
    const refused = await runBin('citadel', args);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(largest)]);
    expect(await query(source, 'SHOW DATABASES')).not.toContain('third');
    writeFileSync(largest, whole.subarray(0, whole.length - 10));
    expect((await runBin('citadel', ['backup', 'verify', folder])).status).toBe(1);
  }, 120_000);
});
