/** `citadel export`: points as text, exact, in a stream of bounded memory. */

import { Progress } from '../../client/progress.ts';
import { Servers } from '../../client/servers.ts';
import type { FlagTexts } from '../../flags/parse-flags.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { readChoice, readInteger } from '../../flags/value-readers.ts';
import { CommandError } from './command-error.ts';
import type { CommandIo } from './command-io.ts';
import { isSet, listOf, readFlag, type Tool, type ToolCall } from './tool.ts';
import {
  type ExportedDatabase,
  type ExportFormat,
  openRows,
  renderContext,
  renderOpening,
} from './transfer/export-formats.ts';
import { catchInterrupt, interruptedStatus } from './transfer/interrupt.ts';
import { renderCount, renderReading } from './transfer/meter.ts';
import { Output, ReaderGone } from './transfer/output.ts';
import {
  countSeries,
  type FieldTypes,
  listContinuousQueries,
  listDatabases,
  listFieldTypes,
  listMeasurements,
  listPolicies,
  listShardGroups,
  quoteSource,
  type Span,
} from './transfer/schema.ts';
import { type SeriesPart, Source } from './transfer/source.ts';
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

interface ExportTask {
  readonly format: ExportFormat;
  /** Empty = all but `_internal`. */
  readonly databases: readonly string[];
  readonly policies: readonly string[];
  readonly measurements: readonly string[];
  readonly span: Span;
  readonly withQueries: boolean;
}

/** A measurement in a policy. */
interface Section {
  readonly database: string;
  readonly policy: string;
  readonly measurement: string;
  /** Series, as far as the server says: how much of the work it is. */
  readonly weight: number;
}

class Exporter {
  readonly #task: ExportTask;
  readonly #source: Source;
  readonly #output: Output;
  readonly #signal: AbortSignal;
  readonly #progress: Progress;
  readonly #startMs = performance.now();
  readonly #isTerminal: boolean;
  #weightDone = 0;
  #weightAll = 0;
  /** Series of this section that have begun. */
  #seriesSeen = 0;
  #lastSeries = '';
  points = 0;
  unwritable = 0;

  constructor(
    task: ExportTask,
    source: Source,
    output: Output,
    signal: AbortSignal,
    io: CommandIo,
  ) {
    this.#task = task;
    this.#source = source;
    this.#output = output;
    this.#signal = signal;
    this.#isTerminal = io.isTerminal;
    this.#progress = new Progress(() => this.#render());
  }

  note(message: string): void {
    this.#progress.note(`citadel: ${message}`);
  }

  stop(): void {
    this.#progress.stop();
  }

  async run(): Promise<void> {
    const databases = await this.#listDatabases();
    const sections: Section[] = [];
    for (const database of databases) sections.push(...(await this.#listSections(database)));
    const { format } = this.#task;
    if (format !== 'influx' && new Set(sections.map(placeOf)).size > 1) {
      throw new CommandError(
        `${format} cannot say which database and policy points belong to: name one with -db and -rp, or use -format influx`,
      );
    }
    this.#weightAll = sections.reduce((sum, { weight }) => sum + weight, 0);
    await this.#output.write(renderOpening(format, databases));
    let place = '';
    for (const section of sections) {
      if (placeOf(section) !== place) {
        await this.#output.write(renderContext(format, section.database, section.policy));
        place = placeOf(section);
      }
      await this.#exportSection(section);
      this.#weightDone += section.weight;
      this.#seriesSeen = 0;
    }
    await this.#output.close();
  }

  async #listDatabases(): Promise<ExportedDatabase[]> {
    const { databases, policies: wanted, withQueries } = this.#task;
    const present = await listDatabases(this.#source);
    const absent = databases.find((name) => !present.includes(name));
    if (absent !== undefined) {
      throw new CommandError(`${this.#source.url} has no database ${JSON.stringify(absent)}`);
    }
    const chosen = databases.length > 0 ? databases : present.filter((n) => n !== '_internal');
    const listed: ExportedDatabase[] = [];
    for (const name of chosen) {
      const all = await listPolicies(this.#source, name);
      const policies = all.filter(({ name: rp }) => wanted.length === 0 || wanted.includes(rp));
      const queries = withQueries ? await listContinuousQueries(this.#source, name) : [];
      listed.push({ name, policies, queries: queries.map(({ text }) => text) });
    }
    return listed;
  }

  /** Those that have points in the span, policy by policy. */
  async #listSections({ name: database, policies }: ExportedDatabase): Promise<Section[]> {
    const { measurements: wanted } = this.#task;
    const all = await listMeasurements(this.#source, database);
    const chosen = all.filter((name) => wanted.length === 0 || wanted.includes(name));
    const series = await countSeries(this.#source, database);
    const sections: Section[] = [];
    for (const { name: policy } of policies) {
      for (const measurement of chosen) {
        const weight = Math.max(1, series.get(measurement) ?? 1);
        const section = { database, policy, measurement, weight };
        const found = await this.#source.ask(`${this.#select(section, this.#task.span)} LIMIT 1`);
        if (found.length > 0) sections.push(section);
      }
    }
    return sections;
  }

  #select({ database, policy, measurement }: Section, { from, until }: Span): string {
    const source = quoteSource(database, policy, measurement);
    return `SELECT *::field FROM ${source} WHERE time >= ${from} AND time < ${until}`;
  }

  async #exportSection(section: Section): Promise<void> {
    const types = await listFieldTypes(this.#source, section.database, section.measurement);
    const rows = openRows(this.#task.format, types);
    for (const span of await this.#spansOf(section, types)) {
      for await (const part of this.#source.stream(`${this.#select(section, span)} GROUP BY *`)) {
        this.#noteSeries(part, section);
        await this.#exportPart(part, rows);
        if (this.#signal.aborted) throw new CommandError('interrupted');
      }
    }
  }

  /** InfluxDB shows the values of one type where a field has several, unless shard groups are read one by one. */
  async #spansOf({ database, policy }: Section, types: FieldTypes): Promise<readonly Span[]> {
    const { span } = this.#task;
    if ([...types.values()].every((all) => all.size < 2)) return [span];
    return (await listShardGroups(this.#source, database, span)).get(policy) ?? [];
  }

  #noteSeries({ tags }: SeriesPart, { weight }: Section): void {
    const series = JSON.stringify(tags);
    if (series !== this.#lastSeries) this.#seriesSeen = Math.min(weight, this.#seriesSeen + 1);
    this.#lastSeries = series;
  }

  async #exportPart(part: SeriesPart, rows: ReturnType<typeof openRows>): Promise<void> {
    const { text, unwritable, reason } = rows.write(part);
    this.points += part.values.length - unwritable;
    if (unwritable > 0) {
      this.unwritable += unwritable;
      this.note(`${renderCount(unwritable)} points left out: ${reason}`);
    }
    if (text !== '') await this.#output.write(text);
  }

  #render(): string {
    const done = this.#weightDone + Math.max(0, this.#seriesSeen - 1);
    const share = this.#weightAll === 0 ? undefined : done / this.#weightAll;
    return renderReading({
      points: this.points,
      share,
      elapsed: performance.now() - this.#startMs,
      pointsBefore: 0,
      shareBefore: 0,
      isTerminal: this.#isTerminal,
      rest: `${renderCount(Math.round(this.#output.size / 2 ** 20))} MiB`,
    });
  }
}

function placeOf({ database, policy }: Section): string {
  return JSON.stringify([database, policy]);
}

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

async function run({ operands, flags }: ToolCall, io: CommandIo): Promise<number> {
  const task = readTask(flags);
  if (task.withQueries && task.format !== 'influx') {
    throw new UsageError('-continuous-queries goes with -format influx');
  }
  const path = operands[0] === '-' ? '' : (operands[0] ?? '');
  const signal = catchInterrupt();
  const readRows = (text: string) => readInteger(text, { min: 1, max: chunkRowsMax });
  const notes: { say: (message: string) => void } = { say: () => undefined };
  const source = new Source({
    servers: new Servers(readUrls(flags, 'url')),
    headers: readAccess(flags, ''),
    chunkRows: readFlag(flags, 'chunk-rows', readRows, chunkRowsDefault),
    signal,
    note: (message) => notes.say(message),
  });
  const output = new Output(path, isSet(flags, 'gzip') || path.endsWith('.gz'));
  const exporter = new Exporter(task, source, output, signal, io);
  notes.say = (message) => exporter.note(message);
  try {
    await exporter.run();
  } catch (error) {
    output.discard();
    exporter.stop();
    if (signal.aborted) return interruptedStatus;
    if (error instanceof ReaderGone) return 0;
    throw error instanceof CommandError
      ? error
      : new CommandError(`cannot read on: ${String(error)}`);
  }
  exporter.stop();
  io.err(`exported ${exporter.points} points, left out ${exporter.unwritable}\n`);
  return exporter.unwritable === 0 ? 0 : 1;
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
    { name: 'chunk-rows', value: 'N', help: `rows per part of an answer [${chunkRowsDefault}]` },
  ],
  details: [
    'Without FILE the points go to standard output. Every value is exact: integers, floats, texts with line breaks, nanoseconds. Points are read as a stream, so memory does not grow with their number; a file gets its name only when it is whole. Points that are written meanwhile may be in it or not.',
    'Exit status: 0 when everything is exported, 1 when some points cannot be expressed in the format or the server cannot be read, 2 for a wrong flag, 130 after Ctrl-C.',
  ],
  examples: [
    'citadel export -db mydb points.lp.gz',
    'citadel export -format influx everything.gz',
    'citadel export -db mydb -measurement cpu -from 2024-01-01 -format csv | head',
  ],
  run,
};
