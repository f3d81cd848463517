/** Reads what an export asks for and writes it, section by section, stretch of time by stretch of time. */

import { Progress } from '../../../client/progress.ts';
import { CommandError } from '../command-error.ts';
import { openRows, type RowWriter, renderContext, renderOpening } from './export-formats.ts';
import type { ExportJournal, ExportPlace } from './export-journal.ts';
import {
  type ExportTask,
  placeOf,
  planDatabases,
  planSections,
  type Section,
  StretchPlanner,
  selectPoints,
} from './export-plan.ts';
import { renderCount, renderReading } from './meter.ts';
import type { Output } from './output.ts';
import { listFieldTypes, type Span } from './schema.ts';
import type { SeriesPart, Source } from './source.ts';

export interface ExportParts {
  readonly source: Source;
  readonly output: Output;
  /** Undefined = nothing can be gone on with. */
  readonly journal: ExportJournal | undefined;
  readonly signal: AbortSignal;
  readonly isTerminal: boolean;
}

/** Characters of an answer that is worth a query, and a loss when it must be read again. */
const answerSize = 8 << 20;
/** How much wider an answer may become at once. */
const growthMax = 8;
/** What is read again at most after a crash, beside the stretch that was being read: characters, ms. */
const markSizeMax = 1 << 20;
const markPeriodMs = 1_000;

export class Exporter {
  readonly #task: ExportTask;
  readonly #parts: ExportParts;
  readonly #planner: StretchPlanner;
  readonly #progress: Progress;
  readonly #startMs = performance.now();
  readonly #pointsBefore: number;
  #shareBefore = 0;
  #sections: readonly Section[] = [];
  #weightDone = 0;
  #weightAll = 0;
  /** Weight of the section before this stretch, and the share of each of its series that this stretch is. */
  #stretchFrom = 0;
  #stretchShare = 1;
  /** Series of this stretch that have begun. */
  #seriesSeen = 0;
  #lastSeries = '';
  #markedMs = performance.now();
  #markedSize: number;
  points: number;
  unwritable: number;

  constructor(task: ExportTask, parts: ExportParts) {
    this.#task = task;
    this.#parts = parts;
    this.#planner = new StretchPlanner(parts.source, task.span, parts.journal !== undefined);
    const state = parts.journal?.state;
    this.points = state?.points ?? 0;
    this.unwritable = state?.unwritable ?? 0;
    this.#pointsBefore = this.points;
    this.#markedSize = parts.output.size;
    this.#progress = new Progress(() => this.#render());
  }

  note(message: string): void {
    this.#progress.note(`citadel: ${message}`);
  }

  stop(): void {
    this.#progress.stop();
  }

  /** @throws CommandError, ReaderGone, or an error of the connection */
  async run(): Promise<void> {
    const { output, journal } = this.#parts;
    const state = journal?.state;
    this.#sections = state?.sections ?? (await this.#begin());
    this.#weightAll = sumOfWeights(this.#sections);
    let place = state?.place ?? this.#startOf(0);
    this.#weightDone = sumOfWeights(this.#sections.slice(0, place.section));
    this.#shareBefore = this.#share() ?? 0;
    if (state !== undefined) {
      this.note(`going on behind ${renderCount(state.points)} points (${journal?.path})`);
    }
    while (place.section < this.#sections.length) {
      await this.#exportSection(place);
      this.#weightDone += this.#sections[place.section]!.weight;
      this.#beginStretch(0, 1);
      place = this.#startOf(place.section + 1);
    }
    await output.close();
    journal?.remove();
  }

  #startOf(section: number): ExportPlace {
    return { section, from: String(this.#task.span.from), width: 1 };
  }

  /** What there is to read; what stands before the points is written. */
  async #begin(): Promise<Section[]> {
    const { source, output } = this.#parts;
    const { format } = this.#task;
    const databases = await planDatabases(source, this.#task);
    const sections: Section[] = [];
    for (const one of databases) sections.push(...(await planSections(source, this.#task, one)));
    if (format !== 'influx' && new Set(sections.map(placeOf)).size > 1) {
      throw new CommandError(
        `${format} cannot say which database and policy points belong to: name one with -db and -rp, or use -format influx`,
      );
    }
    await output.write(renderOpening(format, databases));
    return sections;
  }

  /** From `place` to its end. */
  async #exportSection(place: ExportPlace): Promise<void> {
    const { source, output } = this.#parts;
    const { format, span } = this.#task;
    const section = this.#sections[place.section]!;
    const previous = this.#sections[place.section - 1];
    const isFirst = previous === undefined || placeOf(previous) !== placeOf(section);
    if (isFirst && BigInt(place.from) === span.from) {
      await output.write(renderContext(format, section.database, section.policy));
    }
    const types = await listFieldTypes(source, section.database, section.measurement);
    const rows = openRows(format, types);
    const { spans, isMixed } = await this.#planner.plan(section, types);
    let rest = cutBefore(spans, BigInt(place.from));
    let { width } = place;
    while (rest.length > 0) {
      const group = rest.slice(0, isMixed ? 1 : width);
      const until = group.at(-1)!.until;
      const sizeBefore = output.size;
      const before = section.weight * (1 - rest.length / spans.length);
      this.#beginStretch(before, group.length / spans.length);
      await this.#exportStretch(section, { from: group[0]!.from, until }, rows);
      rest = rest.slice(group.length);
      width = Math.min(spans.length, nextWidth(width, output.size - sizeBefore));
      await this.#mark(
        rest.length > 0
          ? { section: place.section, from: String(until), width }
          : this.#startOf(place.section + 1),
      );
    }
  }

  async #exportStretch(section: Section, span: Span, rows: RowWriter): Promise<void> {
    const { source, signal } = this.#parts;
    for await (const part of source.stream(`${selectPoints(section, span)} GROUP BY *`)) {
      this.#noteSeries(part, section);
      await this.#exportPart(part, rows);
      if (signal.aborted) throw new CommandError('interrupted');
    }
  }

  async #exportPart(part: SeriesPart, rows: RowWriter): Promise<void> {
    const { text, unwritable, reason } = rows.write(part);
    this.points += part.values.length - unwritable;
    if (unwritable > 0) {
      this.unwritable += unwritable;
      this.note(`${renderCount(unwritable)} points left out: ${reason}`);
    }
    if (text !== '') await this.#parts.output.write(text);
  }

  /** Everything before `place` is in the file; noted when it is worth it. */
  async #mark(place: ExportPlace): Promise<void> {
    const { output, journal } = this.#parts;
    if (journal === undefined) return;
    const isLittle = output.size - this.#markedSize < markSizeMax;
    if (isLittle && performance.now() - this.#markedMs < markPeriodMs) return;
    const { points, unwritable } = this;
    const { size } = output;
    const length = await output.mark();
    journal.save({ sections: this.#sections, place, length, size, points, unwritable });
    this.#markedSize = size;
    this.#markedMs = performance.now();
  }

  #beginStretch(from: number, share: number): void {
    this.#stretchFrom = from;
    this.#stretchShare = share;
    this.#seriesSeen = 0;
    this.#lastSeries = '';
  }

  #noteSeries({ tags }: SeriesPart, { weight }: Section): void {
    const series = JSON.stringify(tags);
    if (series !== this.#lastSeries) this.#seriesSeen = Math.min(weight, this.#seriesSeen + 1);
    this.#lastSeries = series;
  }

  /** 0 to 1; undefined = there is nothing. */
  #share(): number | undefined {
    if (this.#weightAll === 0) return undefined;
    const seen = Math.max(0, this.#seriesSeen - 1) * this.#stretchShare;
    return (this.#weightDone + this.#stretchFrom + seen) / this.#weightAll;
  }

  #render(): string {
    return renderReading({
      points: this.points,
      share: this.#share(),
      elapsed: performance.now() - this.#startMs,
      pointsBefore: this.#pointsBefore,
      shareBefore: this.#shareBefore,
      isTerminal: this.#parts.isTerminal,
      rest: `${renderCount(Math.round(this.#parts.output.size / 2 ** 20))} MiB`,
    });
  }
}

/** Shard groups of the next answer, after one of `width` groups that was `size` characters. */
function nextWidth(width: number, size: number): number {
  if (size <= answerSize / growthMax) return width * growthMax;
  return size < answerSize ? width * 2 : Math.max(1, width >> 1);
}

function sumOfWeights(sections: readonly Section[]): number {
  return sections.reduce((sum, { weight }) => sum + weight, 0);
}

/** What of `spans` lies at `from` and later. */
function cutBefore(spans: readonly Span[], from: bigint): readonly Span[] {
  const rest = spans.filter(({ until }) => until > from);
  return rest.map((span) => (span.from < from ? { ...span, from } : span));
}
