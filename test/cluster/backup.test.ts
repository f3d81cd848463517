/**
 * Goal: a backup taken while a cluster is written to holds everything acknowledged before, the next one fetches only
 * what changed, and both come back whole: into a cluster of other size, and under another name. A damaged one is refused.
 * Method: real processes; digests of all cells and keys, what queries answer, and the records of users are compared between
 * source and target, copies by `citadel verify`. `npm run long -- backup` restores into five nodes, with many more
 * rows: RESTORE_NODES and RESTORE_ROWS set the sizes.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sumDigests } from '../../src/model/digest-sum.ts';
import { type CitadelCluster, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import { runBin } from '../support/run-command.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const hostCount = 25;
const shards = 4;
const rowsAtFirst = Number(process.env.RESTORE_ROWS || 2_000);
const rowsPerBody = 2_000;
const targetNodes = Number(process.env.RESTORE_NODES || 1);

interface Verdict {
  readonly kind: string;
  readonly verdict: string;
  readonly replicas: readonly { readonly digest: string }[];
}

describe.skipIf(!etcdInstalled)('backups', () => {
  const folder = makeTempDir('backup');
  let cluster: CitadelCluster;
  /** Where it is restored: a cluster of other size, or a node by itself. */
  let others: CitadelCluster | undefined;
  let single: CitadelProcess | undefined;
  let target: CitadelProcess;
  let source: CitadelProcess;
  let rows = 0;

  beforeAll(async () => {
    if (targetNodes === 1) single = await startCitadel({ args: ['-shards', String(shards)] });
    else others = await startCluster({ shards, nodeCount: targetNodes, replicas: 3 });
    cluster = await startCluster({ shards });
    target = single ?? others!.nodes[0]!;
    source = cluster.nodes[0]!;
  }, 90_000);
  afterAll(async () => {
    await Promise.all([cluster?.cleanUp(), others?.cleanUp(), single?.cleanUp()]);
    removeTempDir(folder);
  });

  async function query(node: CitadelProcess, q: string, db = 'd'): Promise<string> {
    const answer = await node.request('/query', { db, q, epoch: 'ns' }, { method: 'POST' });
    expect(answer.text()).not.toContain('"error"');
    return answer.text();
  }

  async function writeMany(count: number): Promise<void> {
    for (let left = count; left > 0; left -= rowsPerBody) {
      await writeRows(Math.min(left, rowsPerBody));
    }
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
  const catalog = [
    ...['SHOW DATABASES', 'SHOW RETENTION POLICIES', 'SHOW CONTINUOUS QUERIES'],
    ...['SHOW SUBSCRIPTIONS', 'SHOW USERS', 'SHOW GRANTS FOR ann', 'SHOW GRANTS FOR ben'],
  ];

  /** Of all copies, per kind of store. */
  async function digests(node: CitadelProcess): Promise<{ tstore: string; kstore: string }> {
    const verdicts = (await command('verify', '-json', '-url', node.url))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Verdict);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(verdicts.map(() => 'equal'));
    const sumOf = (wanted: string) => {
      const ofKind = verdicts.filter(({ kind }) => kind === wanted);
      return sumDigests(ofKind.flatMap(({ replicas }) => replicas[0]?.digest || []));
    };
    return { tstore: sumOf('tstore'), kstore: sumOf('kstore') };
  }

  /** Records of users, hashed passwords among them. */
  async function users(node: CitadelProcess): Promise<unknown[]> {
    const answer = await node.request('/cluster/backup/catalog');
    const { entries } = answer.json() as { entries: { key: string; value: string }[] };
    return entries.filter(({ key }) => key.startsWith('catalog/users/'));
  }

  async function keys(node: CitadelProcess): Promise<string> {
    return (await node.request('/kv/list', { table: 't' })).text();
  }

  test('one taken under load is whole, and the next one fetches what changed', async () => {
    await query(source, 'CREATE DATABASE d');
    await query(
      source,
      'CREATE RETENTION POLICY long ON d DURATION 0s REPLICATION 1 SHARD DURATION 4w',
    );
    await query(source, 'CREATE DATABASE other');
    await query(source, `CREATE USER ann WITH PASSWORD 'secret'`);
    await query(source, `CREATE USER ben WITH PASSWORD 'other' WITH ALL PRIVILEGES`);
    await query(source, 'GRANT READ ON d TO ann; GRANT WRITE ON other TO ann');
    await query(
      source,
      'CREATE CONTINUOUS QUERY q ON d RESAMPLE EVERY 2h BEGIN SELECT mean(v) INTO long.means FROM m GROUP BY time(1h), * END',
    );
    await query(source, `CREATE SUBSCRIPTION s ON d.long DESTINATIONS ANY 'udp://127.0.0.1:9'`);
    await writeMany(rowsAtFirst);
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
    // What went after the first backup does not come back with the next one.
    await query(source, `DELETE FROM m WHERE host = 'h5' AND time < 1600700000s`);
    await query(source, `DROP SERIES FROM m WHERE host = 'h7'`);
    await writeRows(30);
    const gone = { method: 'POST', body: 'key3,key4' };
    expect((await source.request('/kv/delete', { table: 't' }, gone)).status).toBe(204);
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

  test('it comes back into a cluster of other size, with users and keys', async () => {
    await command('restore', folder, '-url', target.url);
    const held = await digests(source);
    expect(await digests(target)).toEqual(held);
    expect(await query(target, everything)).toBe(await query(source, everything));
    for (const q of catalog)
      expect([q, await query(target, q)]).toEqual([q, await query(source, q)]);
    expect(await query(target, 'SHOW GRANTS FOR ann')).toContain('READ');
    expect(await users(target)).toEqual(await users(source));
    expect(await users(target)).toHaveLength(2);
    expect(await keys(target)).toBe(await keys(source));
    expect(await keys(target)).toContain('value 199');
    expect(await keys(target)).not.toContain('"value 3"');
    // Once more under other names: every cell is there twice.
    const renames = ['-database', 'd=again', '-database', 'other=third'];
    await command('restore', folder, '-url', target.url, ...renames);
    expect(await query(target, everything, 'again')).toBe(await query(source, everything));
    const twice = sumDigests([held.tstore, held.tstore]);
    expect(await digests(target)).toEqual({ tstore: twice, kstore: held.kstore });
    // What is written from now on wins over what was restored.
    const body = 'm,host=h0 v=-1 1600000000';
    await target.request('/write', { db: 'd', precision: 's' }, { method: 'POST', body });
    expect(await query(target, 'SELECT v FROM m WHERE time = 1600000000s')).toContain(',-1]');
    const again = await runBin('citadel', ['restore', folder, '-url', target.url]);
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('is there already')]);
  }, 180_000);

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
