/** `citadel export`: points as text, exact, in a stream of bounded memory. */

import { Servers } from '../../client/servers.ts';
import type { FlagTexts } from '../../flags/parse-flags.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { readChoice, readInteger } from '../../flags/value-readers.ts';
import { CommandError } from './command-error.ts';
import type { CommandIo } from './command-io.ts';
import { isSet, listOf, readFlag, type Tool, type ToolCall } from './tool.ts';
import type { ExportFormat } from './transfer/export-formats.ts';
import { ExportJournal } from './transfer/export-journal.ts';
import type { ExportTask } from './transfer/export-plan.ts';
import { Exporter } from './transfer/exporter.ts';
import { catchInterrupt, interruptedStatus } from './transfer/interrupt.ts';
import { Output, ReaderGone } from './transfer/output.ts';
import { Source } from './transfer/source.ts';
import {
  accessFlags,
  chunkRowsDefault,
  defaultUrl,
  readAccess,
  readSpan,
  readUrls,
  spanFlags,
} from './transfer/transfer-flags.ts';

const formats = ['line', 'influx', 'csv'] as const;
const chunkRowsMax = 1_000_000;

function readTask(flags: FlagTexts): ExportTask {
  return {
    format: readFlag<ExportFormat>(flags, 'format', (text) => readChoice(text, formats), 'line'),
    databases: listOf(flags, 'db'),
    policies: listOf(flags, 'rp'),
    measurements: flags.get('measurement') ?? [],
    span: readSpan(flags),
    withQueries: isSet(flags, 'continuous-queries'),
  };
}

/** What the same command must ask for to go on with a file. */
function identify(task: ExportTask, urls: readonly string[], isPacked: boolean): string {
  const { from, until } = task.span;
  return JSON.stringify({ ...task, span: [String(from), String(until)], urls, isPacked });
}

async function run({ operands, flags }: ToolCall, io: CommandIo): Promise<number> {
  const task = readTask(flags);
  if (task.withQueries && task.format !== 'influx') {
    throw new UsageError('-continuous-queries goes with -format influx');
  }
  const path = operands[0] === '-' ? '' : (operands[0] ?? '');
  const isPacked = isSet(flags, 'gzip') || path.endsWith('.gz');
  const urls = readUrls(flags, 'url');
  const readRows = (text: string) => readInteger(text, { min: 1, max: chunkRowsMax });
  const chunkRows = readFlag(flags, 'chunk-rows', readRows, chunkRowsDefault);
  const headers = readAccess(flags, '');
  const signal = catchInterrupt();
  const notes: { say: (message: string) => void } = { say: () => undefined };
  const note = (message: string) => notes.say(message);
  const source = new Source({ servers: new Servers(urls), headers, chunkRows, signal, note });
  const restart = isSet(flags, 'restart');
  const journal =
    path === '' ? undefined : ExportJournal.open(path, identify(task, urls, isPacked), restart);
  const output = await Output.open(path, isPacked, journal?.state ?? { length: 0, size: 0 });
  const { isTerminal } = io;
  const exporter = new Exporter(task, { source, output, journal, signal, isTerminal });
  notes.say = (message) => exporter.note(message);
  try {
    await exporter.run();
  } catch (error) {
    exporter.stop();
    return await giveUp(error, { output, journal, signal, io });
  }
  exporter.stop();
  io.err(`exported ${exporter.points} points, left out ${exporter.unwritable}\n`);
  return exporter.unwritable === 0 ? 0 : 1;
}

interface BrokenOff {
  readonly output: Output;
  readonly journal: ExportJournal | undefined;
  readonly signal: AbortSignal;
  readonly io: CommandIo;
}

/** Keeps what can be gone on with. Resolves with the exit status. @throws CommandError */
async function giveUp(error: unknown, { output, journal, signal, io }: BrokenOff): Promise<number> {
  const isKept = journal?.state !== undefined;
  await (isKept ? output.leave() : output.discard());
  const hint = isKept ? `; the same command goes on where it stopped (${journal.path})` : '';
  if (signal.aborted) {
    io.err(`citadel: interrupted${hint}\n`);
    return interruptedStatus;
  }
  if (error instanceof ReaderGone) return 0;
  const reason = error instanceof CommandError ? error.message : `cannot read on: ${String(error)}`;
  throw new CommandError(`${reason}${hint}`);
}

export const exportTool: Tool = {
  summary: 'points as line protocol, as a file for influx -import, or as CSV',
  operands: '[FILE]',
  operandsMax: 1,
  flags: [
    {
      name: 'url',
      value: 'URL',
      help: `server to read from, Citadel or InfluxDB 1.4 to 1.x [${defaultUrl}]`,
    },
    ...accessFlags,
    { name: 'db', value: 'NAME', help: 'database; may be repeated [all]' },
    { name: 'rp', value: 'NAME', help: 'retention policy; may be repeated [all]' },
    { name: 'measurement', value: 'NAME', help: 'only this one; may be repeated' },
    ...spanFlags,
    {
      name: 'format',
      value: 'FORMAT',
      help: 'line (line protocol), influx (with databases and policies, for influx -import and citadel import), csv (annotated CSV) [line]',
    },
    { name: 'gzip', isSwitch: true, help: 'packed; so are files that end with .gz' },
    {
      name: 'continuous-queries',
      isSwitch: true,
      help: 'continuous queries too (-format influx)',
    },
    { name: 'restart', isSwitch: true, help: 'begin anew, whatever FILE.part.journal says' },
    { name: 'chunk-rows', value: 'N', help: `rows per part of an answer [${chunkRowsDefault}]` },
  ],
  details: [
    'Without FILE the points go to standard output. Every value is exact: integers, floats, texts with line breaks, nanoseconds. Points are read as a stream, so memory does not grow with their number; a file gets its name only when it is whole. Points that are written meanwhile may be in it or not.',
    "How far it is stands in FILE.part.journal: after Ctrl-C, kill -9 or a server that went away the same command goes on with FILE.part where it stopped, -restart begins anew. No export is one moment's view, and one that went on holds what was there when each measurement and stretch of time was read. Standard output cannot be gone on with.",
    'Exit status: 0 when everything is exported, 1 when some points cannot be expressed in the format or the server cannot be read, 2 for a wrong flag, 130 after Ctrl-C.',
  ],
  examples: [
    'citadel export -db mydb points.lp.gz',
    'citadel export -format influx everything.gz',
    'citadel export -db mydb -measurement cpu -from 2024-01-01 -format csv | head',
  ],
  run,
};
