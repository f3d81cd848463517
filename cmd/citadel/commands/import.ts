/** `citadel import`: points from files, from standard input, or from a running InfluxDB 1.x. */

import { type Precision, precisions } from '../../../src/lineprotocol/precision.ts';
import { Servers } from '../../client/servers.ts';
import type { FlagTexts } from '../../flags/parse-flags.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { readChoice, readDurationMs, readInteger } from '../../flags/value-readers.ts';
import type { CommandIo } from './command-io.ts';
import { isSet, lastOf, listOf, readFlag, type Tool, type ToolCall } from './tool.ts';
import { Destination } from './transfer/destination.ts';
import { importInflux } from './transfer/import-influx.ts';
import { type ImportParts, importText } from './transfer/import-text.ts';
import { catchInterrupt } from './transfer/interrupt.ts';
import { Pacer } from './transfer/pacer.ts';
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

const batchDefault = 5_000;
const batchMax = 100_000;
const rateMax = 1e9;
const chunkRowsMax = 1_000_000;
const patienceMs = 120_000;

const formats = ['auto', 'line', 'influx', 'csv'] as const;
const onlyFromInflux = ['measurement', 'from', 'until', 'continuous-queries', 'chunk-rows'];
const onlyFromFiles = ['format', 'precision', 'create'];

/** From -url, which is where points go to. */
function openParts(flags: FlagTexts, io: CommandIo): ImportParts {
  const signal = catchInterrupt();
  const notes = { say: (message: string) => io.err(`citadel: ${message}\n`) };
  const note = (message: string) => notes.say(message);
  const servers = new Servers(readUrls(flags, 'url'));
  const headers = readAccess(flags, '');
  const waitMs = readFlag(flags, 'patience', readDurationMs, patienceMs);
  const rate = readFlag(flags, 'rate', (text) => readInteger(text, { min: 1, max: rateMax }), 0);
  return {
    io,
    source: new Source({ servers, headers, chunkRows: chunkRowsDefault, signal, note }),
    destination: new Destination({ servers, headers, patienceMs: waitMs, signal, note }),
    pacer: new Pacer(rate, signal),
    signal,
    notes,
  };
}

function readBatch(flags: FlagTexts): number {
  const read = (text: string) => readInteger(text, { min: 1, max: batchMax });
  return readFlag(flags, 'batch', read, batchDefault);
}

function refuseFlags(flags: FlagTexts, names: readonly string[], why: string): void {
  const given = names.find((name) => flags.has(name));
  if (given !== undefined) throw new UsageError(`-${given} ${why}`);
}

function runFile(path: string, flags: FlagTexts, io: CommandIo): Promise<number> {
  refuseFlags(flags, onlyFromInflux, 'goes with -from-influx');
  const precision = readFlag<Precision>(flags, 'precision', (t) => readChoice(t, precisions), 'n');
  const databases = listOf(flags, 'db');
  const policies = listOf(flags, 'rp');
  if (databases.length > 1 || policies.length > 1) {
    throw new UsageError(
      'a file goes into one database and policy; the influx format names its own',
    );
  }
  const wanted = {
    path,
    target: readUrls(flags, 'url'),
    format: readFlag(flags, 'format', (text) => readChoice(text, formats), 'auto'),
    database: databases[0] ?? '',
    policy: policies[0] ?? '',
    precision: precision === 'ns' ? 'n' : precision,
    batchMax: readBatch(flags),
    create: isSet(flags, 'create'),
    journal: lastOf(flags, 'journal') ?? '',
    restart: isSet(flags, 'restart'),
  } as const;
  return importText(wanted, openParts(flags, io));
}

function runInflux(flags: FlagTexts, io: CommandIo): Promise<number> {
  refuseFlags(flags, onlyFromFiles, 'does not go with -from-influx');
  const readRows = (text: string) => readInteger(text, { min: 1, max: chunkRowsMax });
  const wanted = {
    urls: readUrls(flags, 'from-influx'),
    target: readUrls(flags, 'url'),
    headers: readAccess(flags, 'from-'),
    databases: listOf(flags, 'db'),
    policies: listOf(flags, 'rp'),
    measurements: flags.get('measurement') ?? [],
    span: readSpan(flags),
    withQueries: isSet(flags, 'continuous-queries'),
    chunkRows: readFlag(flags, 'chunk-rows', readRows, chunkRowsDefault),
    batchMax: readBatch(flags),
    journal: lastOf(flags, 'journal') ?? '',
    restart: isSet(flags, 'restart'),
  };
  return importInflux(wanted, openParts(flags, io));
}

function run({ operands, flags }: ToolCall, io: CommandIo): Promise<number> {
  const [path] = operands;
  if (flags.has('from-influx')) {
    if (path !== undefined) throw new UsageError('a file and -from-influx do not go together');
    return runInflux(flags, io);
  }
  if (path === undefined) {
    throw new UsageError('say what to import: a file, - for standard input, or -from-influx URL');
  }
  return runFile(path, flags, io);
}

export const importTool: Tool = {
  summary: 'points from a file, from standard input, or from a running InfluxDB 1.x',
  operands: '[FILE | - | -from-influx URL]',
  operandsMax: 1,
  flags: [
    {
      name: 'url',
      value: 'URL',
      help: `server to write to; several with commas: the next one is tried after an error [${defaultUrl}]`,
    },
    ...accessFlags,
    {
      name: 'db',
      value: 'NAME',
      help: 'database to write to; with -from-influx the databases to copy [all]',
    },
    {
      name: 'rp',
      value: 'NAME',
      help: 'retention policy [the default one; with -from-influx all]',
    },
    { name: 'create', isSwitch: true, help: 'make the database when it is missing' },
    {
      name: 'format',
      value: 'FORMAT',
      help: 'line (line protocol), influx (what influx -import reads), csv (annotated CSV) [by the first line]',
    },
    {
      name: 'precision',
      value: 'UNIT',
      help: 'unit of times in the file: n, u, ms, s, m or h [n]',
    },
    { name: 'from-influx', value: 'URL', help: 'InfluxDB 1.4 to 1.x to copy from' },
    { name: 'from-user', value: 'NAME', help: 'who asks there' },
    { name: 'from-password-file', value: 'FILE', help: 'file with the password of -from-user' },
    { name: 'measurement', value: 'NAME', help: 'only this one; may be repeated' },
    ...spanFlags,
    {
      name: 'continuous-queries',
      isSwitch: true,
      help: 'copy continuous queries too, once all points are there',
    },
    { name: 'chunk-rows', value: 'N', help: `rows per part of an answer [${chunkRowsDefault}]` },
    { name: 'batch', value: 'N', help: `points per request [${batchDefault}]` },
    { name: 'rate', value: 'N', help: 'points per second at most' },
    {
      name: 'patience',
      value: 'TIME',
      help: 'how long a batch is tried while servers are away [2m]',
    },
    {
      name: 'journal',
      value: 'FILE',
      help: 'where it is noted how far it is [citadel-import-NAME.journal in this directory]',
    },
    { name: 'restart', isSwitch: true, help: 'begin anew, whatever the journal says' },
  ],
  details: [
    'Files may be packed with gzip. A line that is refused is told by its number and the import goes on; the counts at the end are of points that the server has stored and refused. While a server is away or overloaded the same batch is sent again. After Ctrl-C, a crash or a server that stayed away, the same command goes on where it stopped.',
    'With -from-influx whole databases are copied: retention policies, all points with all their types. What was read is compared with the counts of the source, and at the end of each measurement with those of the destination. A field that has several types at the source keeps its name for the type InfluxDB takes it for; other values go to NAME_TYPE.',
    'Exit status: 0 when every point is stored, 1 when some were refused or it could not be done, 2 for a wrong flag, 130 after Ctrl-C.',
  ],
  examples: [
    'citadel import -db mydb -create points.lp.gz',
    'influx_inspect export ... -out dump; citadel import dump',
    'citadel import -from-influx http://old:8086 -url http://new:7086 -db telegraf',
  ],
  run,
};
