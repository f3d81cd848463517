/**
 * Questions at random, by seed, over the data of datasets.ts, within what the reference answers in only one
 * way (docs/accepted-differences.md names the rest): no order among rows of one time, no sums that
 * overflow, no SLIMIT with a range of time, no sample().
 */

import { everySeries, fill, groups, page, timeBounds, where, windowOf } from './clauses.ts';
import { callColumns, forecast, plainColumns, transformation } from './columns.ts';
import { Dice } from './dice.ts';
import { emptySelect, type RandomQuestion, type SelectText } from './query-text.ts';
import { showStatement } from './show.ts';
import { type Subject, subjects } from './subjects.ts';

const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'UTC'];
const selectors = ['min', 'max', 'first', 'last'];
const wide = subjects.filter(({ span }) => span !== undefined);
const plain = subjects.filter(({ hasTies }) => hasTies !== true);
const numeric = wide.filter(({ numbers, isExtreme }) => numbers.length > 0 && isExtreme !== true);
const lone = numeric.filter(({ hasTies }) => hasTies !== true);

/** Fills that put a number into texts: the reference does what no type can hold. */
const fillsNumber = /fill\(-?\d/;

export class QuestionGenerator {
  readonly #dice: Dice;
  #targetCount = 0;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
  }

  next(): RandomQuestion {
    const statements = this.#statements();
    const isPlain = this.#dice.chance(0.75);
    return {
      statements,
      params: isPlain ? {} : this.#params(),
      accept: isPlain ? 'json' : this.#dice.pick(['json', 'json', 'csv', 'msgpack']),
    };
  }

  #statements(): RandomQuestion['statements'] {
    const dice = this.#dice;
    return dice.weighted<RandomQuestion['statements']>([
      [25, () => [this.#raw(dice.pick(plain))]],
      [15, () => [this.#aggregate(dice.pick(subjects))]],
      [22, () => [this.#windows(dice.pick(wide))]],
      [12, () => [this.#transform(dice.pick(lone))]],
      [3, () => [this.#forecast(dice.pick(lone))]],
      [8, () => [this.#nested(dice.pick(lone))]],
      [5, () => [this.#regrouped(dice.pick(lone))]],
      [4, () => [this.#severalSources()]],
      [3, () => this.#into(dice.pick(lone))],
      [5, () => [showStatement(dice)]],
    ]);
  }

  #params(): Record<string, string> {
    const dice = this.#dice;
    const isChunked = dice.chance(0.3);
    return {
      ...(dice.chance(0.5) ? { epoch: dice.pick(['ns', 'u', 'ms', 's', 'm', 'h']) } : {}),
      ...(isChunked ? { chunked: 'true', chunk_size: dice.pick(['1', '3', '10', '100']) } : {}),
      ...(dice.chance(0.15) ? { pretty: 'true' } : {}),
    };
  }

  #raw(subject: Subject): SelectText {
    const dice = this.#dice;
    const timed = dice.chance(0.5);
    const isGrouped = dice.chance(0.4);
    const isPaged = page(dice);
    const slimit = !timed && isGrouped && dice.chance(0.15) ? 1 + dice.below(3) : 0;
    return {
      ...emptySelect,
      columns: plainColumns(dice, subject),
      from: [subject.source],
      where: where(dice, subject, timed),
      groups: isGrouped ? groups(dice, subject) : [],
      descending: dice.chance(0.25),
      ...isPaged,
      slimit,
      soffset: slimit > 0 && dice.chance(0.3) ? dice.below(3) : 0,
      zone: dice.chance(0.08) ? dice.pick(zones) : '',
    };
  }

  #aggregate(subject: Subject): SelectText {
    const dice = this.#dice;
    const isGrouped = dice.chance(0.6);
    return {
      ...emptySelect,
      columns: callColumns(dice, subject),
      from: [subject.source],
      where: where(dice, subject, dice.chance(0.5)),
      groups: isGrouped ? groups(dice, subject) : [],
      descending: dice.chance(0.2),
      zone: dice.chance(0.05) ? dice.pick(zones) : '',
    };
  }

  #windows(subject: Subject): SelectText {
    const dice = this.#dice;
    const columns = callColumns(dice, subject);
    const time = windowOf(dice, subject, 2 + dice.below(12));
    const filled = fill(dice);
    const hasBeside = columns.some(
      (column) => /^["\w]+( |"|$)/.test(column) && !column.includes('('),
    );
    const isMany = columns.some((column) => /^(top|bottom|distinct)/.test(column));
    return {
      ...emptySelect,
      columns,
      from: [subject.source],
      where: [...timeBounds(dice, subject), ...where(dice, subject, false)],
      groups: dice.chance(0.5) ? [time, ...groups(dice, subject)] : [time],
      fill: (hasBeside || isMany) && fillsNumber.test(filled) ? '' : filled,
      descending: dice.chance(0.25),
      ...(isMany ? {} : page(dice)),
      zone: dice.chance(0.1) ? dice.pick(zones) : '',
    };
  }

  /** Transformations, of rows of one series or of windows. */
  #transform(subject: Subject): SelectText {
    const dice = this.#dice;
    const descending = dice.chance(0.25);
    if (dice.chance(0.4)) {
      return {
        ...emptySelect,
        columns: [transformation(dice, dice.pick(subject.numbers))],
        from: [subject.source],
        where: where(dice, subject, dice.chance(0.5)),
        groups: everySeries(subject),
        descending,
      };
    }
    const call = () =>
      `${dice.pick(['mean', 'max', 'min', 'sum', 'count', 'last'])}(${dice.pick(subject.numbers)})`;
    const count = dice.chance(0.7) ? 1 : 2;
    return {
      ...emptySelect,
      columns: Array.from({ length: count }, () => transformation(dice, call())),
      from: [subject.source],
      where: [...timeBounds(dice, subject), ...where(dice, subject, false)],
      groups: [
        windowOf(dice, subject, 3 + dice.below(10)),
        ...(dice.chance(0.5) ? everySeries(subject) : []),
      ],
      fill: fill(dice),
      descending,
    };
  }

  #forecast(subject: Subject): SelectText {
    const dice = this.#dice;
    return {
      ...emptySelect,
      columns: [forecast(dice, subject.numbers)],
      from: [subject.source],
      where: timeBounds(dice, subject),
      groups: [windowOf(dice, subject, 8 + dice.below(15))],
      fill: dice.pick(['', '', 'fill(0)', 'fill(previous)']),
    };
  }

  /** A query over rows or windows of another, by whole series, so that no two rows share a time. */
  #nested(subject: Subject): SelectText {
    const dice = this.#dice;
    const series = everySeries(subject);
    const outer = { ...emptySelect, from: [this.#inner(subject)], groups: series };
    const conditions = dice.chance(0.4)
      ? [dice.pick(['x > 10', 'y <= 50', 'x != y', 'y > 0 AND x > 0', 'x = 5 OR y < 20'])]
      : [];
    const columns = dice.pick([
      ['x', 'y'],
      ['x + y'],
      ['count(x)', 'sum(y)'],
      ['max(x)', 'y'],
      ['mean(x)'],
      ['spread(x)', 'first(y)'],
      ['cumulative_sum(y)'],
      ['difference(x)'],
      ['top(x, 2)'],
      ['*'],
      ['max(*)'],
    ]);
    if (!dice.chance(0.15)) return { ...outer, columns, where: conditions };
    const middle = { ...outer, columns: ['x * 2 AS x', 'y'], where: conditions };
    return { ...outer, columns, from: [middle] };
  }

  /** Aggregates of a subquery by other groups or windows than its own. */
  #regrouped(subject: Subject): SelectText {
    const dice = this.#dice;
    const inner = this.#inner(subject);
    const call = () =>
      `${dice.pick(['count', 'sum', 'mean', 'min', 'max'])}(${dice.pick(['x', 'y'])})`;
    const isGrouped = dice.chance(0.7);
    const bounds = timeBounds(dice, subject);
    const isWindowed = bounds.length > 0 && dice.chance(0.4);
    const tags = isGrouped ? groups(dice, subject) : [];
    const slimit = isGrouped && dice.chance(0.2) ? 1 + dice.below(2) : 0;
    return {
      ...emptySelect,
      columns: dice.chance(0.2) ? ['count(*)'] : [call(), call()],
      from: [slimit > 0 ? { ...inner, where: [] } : inner],
      where: isWindowed ? bounds : [],
      groups: isWindowed ? [windowOf(dice, subject, 3 + dice.below(6)), ...tags] : tags,
      fill: isWindowed ? fill(dice) : '',
      slimit: isWindowed ? 0 : slimit,
    };
  }

  #inner(subject: Subject): SelectText {
    const dice = this.#dice;
    const [a, b] = [dice.pick(subject.numbers), dice.pick(subject.numbers)];
    const bounds = timeBounds(dice, subject);
    const select = {
      ...emptySelect,
      from: [subject.source],
      where: bounds,
      groups: everySeries(subject),
    };
    return dice.weighted<SelectText>([
      [4, () => ({ ...select, columns: [`${a} AS x`, `${b} AS y`] })],
      [
        4,
        () => ({
          ...select,
          columns: [`${dice.pick(selectors)}(${a}) AS x`, `mean(${b}) AS y`],
          groups: [windowOf(dice, subject, 3 + dice.below(10)), ...select.groups],
        }),
      ],
      [1, () => ({ ...select, columns: [`max(${a}) AS x`, `${b} AS y`] })],
      [1, () => ({ ...select, columns: [`${a} * 2 AS x`, `floor(${b}) AS y`] })],
    ]);
  }

  /** Measurements side by side, and one name in two retention policies. */
  #severalSources(): SelectText {
    const dice = this.#dice;
    const cpu = subjects[0]!;
    const from = dice.pick([
      ['cpu', 'gaps'],
      ['/^(cpu|gaps)$/'],
      ['cpu', 'second.cpu'],
      ['autogen./^cpu$/', 'second./cpu/'],
      ['m1', 'm2'],
      ['many', 'cpu', 'nano'],
      ['/^m\\d$/'],
    ]);
    const isMixed = from[0]!.includes('m1') || from[0]!.includes('\\d');
    const overlaps = from.some((source) => source.startsWith('second'));
    const field = isMixed ? 'x' : dice.pick(['v', 'i', 'n']);
    const call = () => `${dice.pick(['count', 'sum', 'mean', 'min', 'max'])}(${field})`;
    const isRaw = !overlaps && dice.chance(0.4);
    return {
      ...emptySelect,
      columns: isRaw ? [dice.pick(['*', field, `${field}, host`])] : [call(), call()],
      from,
      where: isMixed || dice.chance(0.4) ? [] : timeBounds(dice, cpu),
      groups: dice.chance(0.5) ? [dice.pick(['*', 'host', 'k, host'])] : [],
      descending: dice.chance(0.2),
    };
  }

  /** Rows into a measurement of its own, and what is in it then. */
  #into(subject: Subject): RandomQuestion['statements'] {
    const dice = this.#dice;
    const target = `copies.autogen.m${this.#targetCount++}`;
    const select = dice.weighted<SelectText>([
      [2, () => ({ ...this.#raw(subject), zone: '' })],
      [2, () => this.#windows(subject)],
      [1, () => this.#aggregate(subject)],
    ]);
    const written = { ...emptySelect, columns: ['*'], from: [target], groups: ['*'] };
    return [{ ...select, into: target }, written];
  }
}
