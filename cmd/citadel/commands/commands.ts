/** Subcommands of `citadel`: what an operator asks of a running cluster. Without one, the server starts. */

import { type FlagSyntax, parseFlags } from '../../flags/parse-flags.ts';
import { describeSuggestion } from '../../flags/suggest.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { renderFlag, wrapText } from '../../flags/wrap-text.ts';
import { backupTool } from './backup.ts';
import { drain, rebalance, remove, setReplicas, showPlan } from './change-cluster.ts';
import type { CommandIo, CommandOptions } from './command-io.ts';
import { configTool } from './config.ts';
import { exportTool } from './export.ts';
import { importTool } from './import.ts';
import { reseed } from './meta-reseed.ts';
import { showNodes } from './nodes.ts';
import { restoreTool } from './restore.ts';
import { showShards } from './shards.ts';
import { runTool, type Tool } from './tool.ts';
import { accessFlags, readAccess } from './transfer/transfer-flags.ts';
import { verify } from './verify.ts';

interface Command {
  readonly summary: string;
  readonly details: string;
  /** Undefined = it takes none. */
  readonly operand?: string;
  /** Flags that only some commands have. */
  readonly flags?: readonly string[];
  /** Resolves with the exit status. */
  readonly run: (options: CommandOptions, io: CommandIo) => Promise<number>;
}

function changeMetadata(options: CommandOptions, io: CommandIo): Promise<number> {
  if (options.operand === 'reseed') return reseed(options, io);
  throw new UsageError(`cannot do "${options.operand}": say citadel meta reseed`);
}

const defaultUrl = 'http://127.0.0.1:7086';

const commands: Readonly<Record<string, Command>> = {
  nodes: {
    summary: 'the nodes of the cluster and how they are',
    details: 'Exit status: 0, or 1 when a node is missing or not well.',
    run: showNodes,
  },
  shards: {
    summary: 'the shards, where their copies are and how far each is',
    details: 'Exit status: 0, or 1 when a copy is missing, behind or damaged.',
    run: showShards,
  },
  drain: {
    summary: 'move all copies off a node, so that it can be stopped for good',
    details:
      "The node is named by its id, the beginning of it, or its URL for clients. It goes on serving until it holds nothing; 'citadel nodes' shows how many shards are left.",
    operand: 'NODE',
    flags: ['dry-run', 'cancel', 'watch'],
    run: drain,
  },
  remove: {
    summary: 'make the copies of a node that is gone anew at once, on others',
    details:
      'Refused for a node that is alive and holds copies (drain it first), and while data would be lost, with how much. What only the removed node had comes back if it ever returns.',
    operand: 'NODE',
    flags: ['dry-run', 'force', 'watch'],
    run: remove,
  },
  replicas: {
    summary: 'change how many copies of every shard are kept',
    details: 'Copies are made or given up one after the other, spread over zones.',
    operand: 'N',
    flags: ['dry-run', 'watch'],
    run: setReplicas,
  },
  rebalance: {
    summary: 'even out what the nodes hold, now and closely',
    details:
      'The cluster evens out numbers of copies by itself, and what copies hold and take in when a node has a quarter more than the mean and it is worth it (1 GiB, or 4 MiB/s, of all shards). This asks for it at once and down to a twentieth. -by count looks at the numbers of copies only; -by load (the default) at those first, then lets copies of unlike load change places. No more copies move than that takes, a few at a time, each at the pace of the load. Look at -dry-run first: it lists which copy goes from where to where, and its size. The wish is kept until it is fulfilled, whichever nodes stop meanwhile; -cancel takes it back, and copies on their way arrive.',
    flags: ['by', 'dry-run', 'cancel', 'watch'],
    run: rebalance,
  },
  plan: {
    summary: 'the copies that the cluster is going to make and give up by itself',
    details: 'It evens out what nodes hold, once they have been the same for a while.',
    run: showPlan,
  },
  meta: {
    summary: 'write what the cluster knows into an etcd that lost it',
    details:
      "'citadel meta reseed' asks every node for its map and its copy of the catalog, and lets one of them write the newest of each. Refused while etcd has what the cluster follows, or another cluster. Nothing in the nodes changes; epochs and versions only go up. Look at -dry-run first.",
    operand: 'reseed',
    flags: ['dry-run', 'force'],
    run: changeMetadata,
  },
  verify: {
    summary: 'compare the contents of all copies of all shards',
    details:
      'Reads everything that is stored, a few shards at a time, while the cluster goes on serving. Exit status: 0 when all copies are equal, 1 when not.',
    run: verify,
  },
};

/** Those that have flags of their own. */
const tools: Readonly<Record<string, Tool>> = {
  backup: backupTool,
  restore: restoreTool,
  export: exportTool,
  import: importTool,
  config: configTool,
};

interface CommandFlag extends FlagSyntax {
  readonly value?: string;
  readonly help: string;
}

const syntax: readonly CommandFlag[] = [
  { name: 'url', value: 'URL', help: `any node of the cluster [${defaultUrl}]` },
  ...accessFlags,
  { name: 'json', isSwitch: true, help: 'JSON instead of a table' },
  { name: 'help', alias: 'h', isSwitch: true, help: 'this text' },
];

const specialFlags: readonly CommandFlag[] = [
  { name: 'dry-run', isSwitch: true, help: 'only show what would be done' },
  {
    name: 'force',
    isSwitch: true,
    help: 'also when an absent node may know or have more than the others',
  },
  { name: 'cancel', isSwitch: true, help: 'take back what was asked for' },
  { name: 'watch', isSwitch: true, help: 'stay until it is done, and say how far it is' },
  { name: 'by', value: 'WHAT', help: 'count or load [load]' },
];

function flagsOf({ flags = [] }: Command): readonly CommandFlag[] {
  return [...specialFlags.filter(({ name }) => flags.includes(name)), ...syntax];
}

/** For the help of `citadel`. */
export function listCommands(): string[] {
  return Object.entries({ ...commands, ...tools }).flatMap(([name, { summary }]) =>
    renderFlag(name, summary),
  );
}

function renderHelp(name: string, command: Command): string {
  const { summary, details, operand } = command;
  const flags = flagsOf(command).flatMap(({ name: flag, value, help }) =>
    renderFlag(value === undefined ? `-${flag}` : `-${flag} ${value}`, help),
  );
  const lines = [
    `citadel ${name}: ${summary}`,
    '',
    `Usage: citadel ${name}${operand === undefined ? '' : ` ${operand}`} [-flag value]...`,
    '',
    ...flags,
    '',
    ...wrapText(details, 100),
  ];
  return `${lines.join('\n')}\n`;
}

function readUrl(text: string): string {
  const url = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '');
  throw new UsageError(`bad value "${text}" for -url: expected a URL such as ${defaultUrl}`);
}

/** @throws UsageError */
export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const [name = '', ...rest] = args;
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (tool !== undefined) return runTool(name, tool, rest, io);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const names = [...Object.keys(commands), ...Object.keys(tools)];
    throw new UsageError(
      `unknown command "${name}"${describeSuggestion(name, names)} (commands: ${names.join(', ')})`,
    );
  }
  const takesOperand = command.operand !== undefined && rest[0]?.startsWith('-') === false;
  const operand = takesOperand ? rest[0]! : '';
  const flags = parseFlags(takesOperand ? rest.slice(1) : rest, flagsOf(command));
  if (flags.get('help')?.at(-1) === 'true') {
    io.out(renderHelp(name, command));
    return 0;
  }
  const url = readUrl(flags.get('url')?.at(-1) ?? defaultUrl);
  const asJson = flags.get('json')?.at(-1) === 'true';
  if (command.operand !== undefined && operand === '') {
    throw new UsageError(`say which: citadel ${name} ${command.operand}`);
  }
  const isSet = (flag: string) => flags.get(flag)?.at(-1) === 'true';
  const isDryRun = isSet('dry-run');
  const options = { url, headers: readAccess(flags, ''), asJson, operand, isDryRun };
  const by = flags.get('by')?.at(-1) ?? '';
  if (!['', 'count', 'load'].includes(by)) {
    throw new UsageError(`bad value "${by}" for -by: expected count or load`);
  }
  const special = { isForced: isSet('force'), isCancelled: isSet('cancel'), by };
  return command.run({ ...options, ...special, isWatching: isSet('watch') }, io);
}
