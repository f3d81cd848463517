/** `citadel config`: what is printed can be read again, and every value says where it comes from. */

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CommandError } from '../../../../../cmd/citadel/commands/command-error.ts';
import { runCommand } from '../../../../../cmd/citadel/commands/commands.ts';
import { settingNames } from '../../../../../cmd/citadel/settings.ts';
import { UsageError } from '../../../../../cmd/flags/usage-error.ts';
import { makeTempDir } from '../../../../support/temp-dir.ts';

let directory: string;

beforeEach(() => {
  directory = makeTempDir('config');
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

async function run(...args: readonly string[]): Promise<string> {
  const texts: string[] = [];
  const out = (text: string) => void texts.push(text);
  const io = { out, err: () => undefined, isTerminal: false };
  expect(await runCommand(['config', ...args], io)).toBe(0);
  return texts.join('');
}

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

test('print: every setting with its comment; what was chosen is set, the rest is a comment', async () => {
  const text = await run('print', '-http', ':8086', '-threads=3', '-zone', 'a "b"');
  expect(parse(text)).toEqual({ http: ':8086', threads: 3, zone: 'a "b"' });
  for (const name of settingNames) expect(text).toMatch(new RegExp(`^(# )?${name} = `, 'm'));
  expect(text.split('\n').filter((line) => line.length > 100)).toEqual([]);
});

test('print: the file that it makes means the same, with all defaults made explicit too', async () => {
  const text = await run('print', '-http', ':8086', '-fsync', 'never');
  const same = write('same.toml', text);
  const full = write('full.toml', text.replaceAll(/^# ([a-z-]+ = )/gm, '$1'));
  expect(await run('check', same)).toBe(`${same} is right: 2 settings\n`);
  expect(await run('check', full)).toBe(`${full} is right: ${settingNames.length} settings\n`);
  const shown = await run('show', '-http', ':8086', '-fsync', 'never');
  expect(await run('show', '-config', same)).toBe(shown);
  expect(await run('show', '-config', full)).toBe(shown);
});

test('show -origin: the command line, the environment, the file, or nobody', async () => {
  vi.stubEnv('CITADEL_THREADS', '2');
  vi.stubEnv('CITADEL_FSYNC', 'never');
  const file = write('a.toml', 'fsync = "interval"\nlog-level = "warn"\n');
  const shown = await run('show', '-origin', '-config', file, '-threads', '1');
  const rowOf = (name: string) =>
    shown
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(/ {2,}/);
  expect(rowOf('threads')).toEqual(['threads', '1', '-threads']);
  expect(rowOf('fsync')).toEqual(['fsync', 'never', 'CITADEL_FSYNC']);
  expect(rowOf('log-level')).toEqual(['log-level', 'warn', `log-level in ${file}`]);
  expect(rowOf('http')).toEqual(['http', '127.0.0.1:7086', 'default']);
  const rows = JSON.parse(await run('show', '-json', '-threads', '1')) as { name: string }[];
  expect(rows.find(({ name }) => name === 'threads')).toMatchObject({ origin: '-threads' });
});

test('check: a mistake is told in one line, whatever the environment says', async () => {
  vi.stubEnv('CITADEL_THREADS', 'nonsense');
  await expect(run('check', write('b.toml', 'treads = 1'))).rejects.toThrow(
    /^unknown key "treads" in .*; did you mean threads\?$/,
  );
  await expect(run('check', write('c.toml', 'threads = 0'))).rejects.toThrow(CommandError);
  expect(await run('check', write('d.toml', 'threads = 1'))).toContain('is right: 1 setting\n');
  await expect(run('check', join(directory, 'none'))).rejects.toThrow('cannot read');
});

test('wrong words are refused', async () => {
  await expect(run('check')).rejects.toThrow(UsageError);
  await expect(run('display')).rejects.toThrow(
    'say what: citadel config print, check FILE, or show',
  );
  await expect(run('show', 'x')).rejects.toThrow('unexpected argument "x"');
  await expect(run('show', '-threads', '0')).rejects.toThrow('bad value "0" for -threads');
});
