/** `citadel config`: the settings as a file, as they are in force, and whether a file is right. */

import { readFileSync } from 'node:fs';
import type { FlagTexts } from '../../flags/parse-flags.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { wrapText } from '../../flags/wrap-text.ts';
import { type ConfigSources, type EffectiveSetting, listEffective, readConfig } from '../config.ts';
import { describeMachine } from '../machine.ts';
import { settingNames, settings } from '../settings.ts';
import { readVersion } from '../version.ts';
import { CommandError } from './command-error.ts';
import type { CommandIo } from './command-io.ts';
import { renderTable } from './render-table.ts';
import { isSet, type Tool, type ToolCall } from './tool.ts';

function sourcesOf(args: readonly string[], env = process.env): ConfigSources {
  return {
    args,
    machine: { ...describeMachine(), env },
    version: readVersion(),
    isTerminal: false,
    readFile: (path) => readFileSync(path, 'utf8'),
  };
}

/** Flags of the server as they were given. */
function serverArgs(flags: FlagTexts): string[] {
  return ['config', ...settingNames].flatMap((name) =>
    (flags.get(name) ?? []).map((text) => `-${name}=${text}`),
  );
}

/** @throws UsageError for what the server would refuse too */
function listChecked(flags: FlagTexts): EffectiveSetting[] {
  const sources = sourcesOf(serverArgs(flags));
  readConfig(sources);
  return listEffective(sources);
}

function writeToml(text: string): string {
  return /^(\d{1,15}|true|false)$/.test(text) ? text : JSON.stringify(text);
}

/** What has its default stands as a comment, so that the file says only what somebody has chosen. */
export function renderToml(effective: readonly EffectiveSetting[]): string {
  const groups = [...new Set(effective.map(({ name }) => settings[name].group))];
  const sections = groups.map((group) => {
    const members = effective.filter(({ name }) => settings[name].group === group);
    const entries = members.map(({ name, text, origin }) => {
      const { value, help } = settings[name];
      const comment = wrapText(`${value}: ${help}`, 96).map((line) => `# ${line}\n`);
      const line = `${origin === undefined ? '# ' : ''}${name} = ${writeToml(text)}\n`;
      return `${comment.join('')}${line}`;
    });
    return `### ${group}\n\n${entries.join('\n')}`;
  });
  const head = '# Settings of Citadel. A line with one # in front has its default.\n\n';
  return head + sections.join('\n');
}

function show(flags: FlagTexts, io: CommandIo): void {
  const effective = listChecked(flags);
  if (isSet(flags, 'json')) {
    const rows = effective.map(({ origin = 'default', ...rest }) => ({ ...rest, origin }));
    io.out(`${JSON.stringify(rows, undefined, 2)}\n`);
    return;
  }
  const hasOrigin = isSet(flags, 'origin');
  const rows = effective.map(({ name, text, origin = 'default' }) => [
    name,
    text === '' ? '""' : text,
    ...(hasOrigin ? [origin] : []),
  ]);
  io.out(renderTable(['SETTING', 'VALUE', ...(hasOrigin ? ['FROM'] : [])], rows));
}

/** Only what stands in the file counts, not the environment of whoever checks it. */
function check(path: string | undefined, io: CommandIo): void {
  if (path === undefined) throw new UsageError('say which file: citadel config check FILE');
  const sources = sourcesOf([`-config=${path}`], {});
  try {
    readConfig(sources);
  } catch (error) {
    if (error instanceof UsageError) throw new CommandError(error.message);
    throw error;
  }
  const given = listEffective(sources).filter(({ origin }) => origin !== undefined);
  const settingCount = given.length === 1 ? '1 setting' : `${given.length} settings`;
  io.out(`${path} is right: ${settingCount}\n`);
}

async function run({ operands, flags }: ToolCall, io: CommandIo): Promise<number> {
  const [what, file] = operands;
  if (what === 'check') check(file, io);
  else if (file !== undefined) throw new UsageError(`unexpected argument "${file}"`);
  else if (what === 'print') io.out(renderToml(listChecked(flags)));
  else if (what === 'show') show(flags, io);
  else throw new UsageError('say what: citadel config print, check FILE, or show');
  return 0;
}

export const configTool: Tool = {
  summary: 'print all settings as a file, check a file, show what is in force and why',
  operands: 'print | check FILE | show',
  operandsMax: 2,
  flags: [
    { name: 'origin', isSwitch: true, help: 'with show: where each value comes from' },
    { name: 'json', isSwitch: true, help: 'with show: JSON instead of a table' },
  ],
  otherFlags: ['config', ...settingNames].map((name) => ({ name })),
  details: [
    'print and show take the flags of the server (citadel -help), its environment and its file into account, as a start would. print writes a file in TOML with a comment for every setting; what nobody has set stands there as a comment with its default. check looks at a file alone.',
    'Exit status: 0 when all is right, 1 when a file that is checked is not, 2 for a wrong flag or value.',
  ],
  examples: [
    'citadel config print > citadel.toml',
    'citadel config check citadel.toml',
    'citadel config show -origin -config citadel.toml -http :8086',
  ],
  run,
};
