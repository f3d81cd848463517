/**
 * Schema questions over several stores: which measurements, series, tags and fields have data. Answered
 * from the index; where tombstones may have hidden a series whole, its sources are looked at.
 */

import { CitadelError } from '../../base/errors.ts';
import { HeldMemory } from '../../base/memory-budget.ts';
import type { SchemaBlock, SchemaPlan } from '../../model/plan.ts';
import { decodeSeriesKey, formatSeriesName } from '../../model/series-key.ts';
import { allTime, type TimeRange } from '../../model/time.ts';
import { compileTagCondition } from '../../scan/tag-condition.ts';
import type { ScanControl } from '../contract.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import { type MeasurementIndex, noSlot } from '../index/measurement-index.ts';
import { selectSlots } from '../index/select-series.ts';
import { noteDamage } from '../store/damage.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { openView, type StoreView } from '../store/store-view.ts';
import { LiveSeries } from './live-series.ts';
import { partitionBytes } from './scan-memory.ts';
import { collectFields } from './schema-fields.ts';

const keysPerBlock = 4096;

/** One store's database with a view of each policy that is asked. */
interface Subject {
  readonly state: StoreState;
  readonly index: DatabaseIndex;
  readonly views: readonly StoreView[];
}

function policiesOf(state: StoreState, plan: SchemaPlan): string[] {
  if (plan.rpId !== undefined) return [plan.rpId];
  const found = new Set<string>();
  for (const set of state.partitionSets(plan.dbId, undefined)) found.add(set.rpId);
  for (const memtable of state.memtables) {
    for (const part of memtable.parts.values()) if (part.dbId === plan.dbId) found.add(part.rpId);
  }
  return [...found];
}

async function openSubjects(
  states: readonly StoreState[],
  plan: SchemaPlan,
  pacer: Pacer,
  opened: StoreView[],
  held: HeldMemory,
): Promise<Subject[]> {
  const range: TimeRange = plan.range ?? allTime;
  const subjects: Subject[] = [];
  for (const state of states) {
    const index = state.databases.get(plan.dbId);
    if (index === undefined) continue;
    const views: StoreView[] = [];
    for (const rpId of policiesOf(state, plan)) {
      const view = await openView(state, { dbId: plan.dbId, rpId, range }, pacer);
      views.push(view);
      opened.push(view);
      held.add(view.partitions.length * partitionBytes);
    }
    subjects.push({ state, index, views });
  }
  return subjects;
}

/** Collects (key, value) rows of one measurement, each once, into blocks. */
class Collector {
  readonly blocks: SchemaBlock[] = [];
  private readonly measurement: string;
  private readonly seen = new Set<string>();
  private keys: string[] = [];
  private values: string[] = [];

  constructor(measurement: string) {
    this.measurement = measurement;
  }

  has(key: string, value: string): boolean {
    return this.seen.has(`${key.length}:${key}${value}`);
  }

  add(key: string, value: string | undefined): void {
    const id = `${key.length}:${key}${value ?? ''}`;
    if (this.seen.has(id)) return;
    this.seen.add(id);
    this.addNew(key, value);
  }

  /** For what cannot repeat: series live in one shard each. */
  addNew(key: string, value: string | undefined): void {
    this.keys.push(key);
    if (value !== undefined) this.values.push(value);
    if (this.keys.length >= keysPerBlock) this.close();
  }

  close(): void {
    if (this.keys.length === 0) return;
    const { measurement, keys, values } = this;
    this.blocks.push({ measurement, keys, values, count: 0 });
    this.keys = [];
    this.values = [];
  }

  take(): SchemaBlock[] {
    return this.blocks.splice(0);
  }
}

interface Question {
  readonly plan: SchemaPlan;
  readonly pacer: Pacer;
  readonly passes: ReturnType<typeof compileTagCondition>;
}

/** Live slots of a measurement in one store that pass the condition. */
async function* liveSlots(
  subject: Subject,
  measurement: MeasurementIndex,
  { plan, pacer, passes }: Question,
): AsyncGenerator<number> {
  const { index, views } = subject;
  const live = new LiveSeries(views, index, plan);
  for (const slot of selectSlots(measurement, plan.where)) {
    if (pacer.isDue) await pacer.breathe();
    if (slot === noSlot) continue;
    if (plan.where !== undefined && !passes(decodeSeriesKey(index.keyOf(slot)))) continue;
    if (live.isLive(slot)) yield slot;
  }
}

async function* answerTags(
  subjects: readonly Subject[],
  name: string,
  question: Question,
): AsyncGenerator<SchemaBlock> {
  const { ask } = question.plan;
  const collector = new Collector(name);
  /** Tag keys that were found: no store is asked for them again. */
  const known = new Set<string>();
  for (const subject of subjects) {
    const measurement = subject.index.measurements.get(name);
    if (measurement === undefined) continue;
    const wanted = ask.kind === 'tag-values' ? ask.keys : undefined;
    const asksKeys = ask.kind !== 'tag-values';
    const columns = [...measurement.tags.values()].filter(
      ({ key }) => !(asksKeys && known.has(key)) && (wanted === undefined || wanted.includes(key)),
    );
    if (asksKeys && columns.length === 0) continue;
    let missing = columns.length;
    const seen = columns.map((column) => new Uint8Array(column.codeMax + 1));
    for await (const slot of liveSlots(subject, measurement, question)) {
      const ordinal = subject.index.ordinalOf(slot);
      columns.forEach((column, i) => {
        const code = column.codeOf(ordinal);
        if (code === 0 || seen[i]![code] === 1) return;
        seen[i]![code] = 1;
        if (!asksKeys) collector.add(column.key, column.valueOf(code));
        else if (!known.has(column.key)) {
          known.add(column.key);
          missing--;
          collector.add(column.key, ask.kind === 'columns' ? 'tag' : undefined);
        }
      });
      if (asksKeys && missing === 0) break;
      if (collector.blocks.length > 0) yield* collector.take();
    }
  }
  collector.close();
  yield* collector.take();
}

async function* answerSeries(
  subjects: readonly Subject[],
  name: string,
  question: Question,
): AsyncGenerator<SchemaBlock> {
  const { kind } = question.plan.ask;
  const collector = new Collector(name);
  let count = 0;
  for (const subject of subjects) {
    const measurement = subject.index.measurements.get(name);
    if (measurement === undefined) continue;
    for await (const slot of liveSlots(subject, measurement, question)) {
      count++;
      if (kind === 'measurements') {
        yield { measurement: name, keys: [], values: [], count: 0 };
        return;
      }
      if (kind !== 'series') continue;
      const key = formatSeriesName(decodeSeriesKey(subject.index.keyOf(slot)));
      collector.addNew(key, undefined);
      if (collector.blocks.length > 0) yield* collector.take();
    }
  }
  collector.close();
  yield* collector.take();
  if (kind === 'series-count' && count > 0)
    yield { measurement: name, keys: [], values: [], count };
}

async function* answerFields(
  subjects: readonly Subject[],
  name: string,
  question: Question,
): AsyncGenerator<SchemaBlock> {
  const collector = new Collector(name);
  for (const subject of subjects) {
    const measurement = subject.index.measurements.get(name);
    if (measurement === undefined) continue;
    for await (const _ of liveSlots(subject, measurement, question)) {
      for (const view of subject.views) {
        const fields = await collectFields(view, measurement, question.pacer);
        for (const { field, type } of fields) collector.add(field, type);
      }
      break;
    }
  }
  collector.close();
  yield* collector.take();
}

async function* answer(
  subjects: readonly Subject[],
  question: Question,
): AsyncGenerator<SchemaBlock> {
  const { plan, pacer } = question;
  const names =
    plan.measurements ?? new Set(subjects.flatMap(({ index }) => [...index.measurements.keys()]));
  for (const name of new Set(names)) {
    pacer.check();
    switch (plan.ask.kind) {
      case 'tag-keys':
      case 'tag-values':
        yield* answerTags(subjects, name, question);
        break;
      case 'columns':
        yield* answerFields(subjects, name, question);
        yield* answerTags(subjects, name, question);
        break;
      case 'fields':
        yield* answerFields(subjects, name, question);
        break;
      default:
        yield* answerSeries(subjects, name, question);
    }
  }
}

export async function* schemaOfStates(
  states: readonly StoreState[],
  plan: SchemaPlan,
  control: ScanControl,
): AsyncGenerator<SchemaBlock> {
  const pacer = new Pacer(control.env, control.signal);
  if (control.signal.aborted) throw new CitadelError('cancelled', 'the scan was cancelled');
  const opened: StoreView[] = [];
  const held = new HeldMemory(control.memory);
  try {
    const subjects = await openSubjects(states, plan, pacer, opened, held);
    const passes = compileTagCondition(plan.where);
    yield* answer(subjects, { plan, pacer, passes });
  } catch (error) {
    for (const state of states) noteDamage(state, error);
    throw error;
  } finally {
    for (const view of opened) view.release();
  }
}
