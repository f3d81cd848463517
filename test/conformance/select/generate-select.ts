/**
 * SELECTs at random, by seed, over the data of datasets.ts, within what the reference answers in only
 * one way: no rows of equal time from two series, no integers whose sum overflows, no OFFSET without
 * LIMIT.
 */

import { makeRandom } from '../influxql/generate.ts';

interface Subject {
  readonly measurement: string;
  readonly numbers: readonly string[];
  readonly strings: readonly string[];
  readonly booleans: readonly string[];
  /** Tag keys and some of their values. */
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** Seconds since the epoch. */
  readonly from: number;
  readonly until: number;
}

/** A time bound in WHERE makes the reference count series without rows for SLIMIT. */
const boundedTime = / time >= /;

const newYear = 1_577_836_800;

const subjects: readonly Subject[] = [
  {
    measurement: 'cpu',
    numbers: ['v', 'i'],
    strings: ['s'],
    booleans: ['b'],
    tags: { host: ['a', 'b', 'c', 'x'], region: ['eu', 'us', ''] },
    from: newYear,
    until: newYear + 600,
  },
  {
    measurement: 'second.cpu',
    numbers: ['v', 'i'],
    strings: ['s'],
    booleans: ['b'],
    tags: { host: ['a', 'b', 'c'], region: ['eu', ''] },
    from: newYear,
    until: newYear + 200,
  },
  {
    measurement: 'gaps',
    numbers: ['f', 'n'],
    strings: ['t'],
    booleans: [],
    tags: { k: ['x', 'y'] },
    from: newYear,
    until: newYear + 5500,
  },
  {
    measurement: 'many',
    numbers: ['v', 'n'],
    strings: [],
    booleans: [],
    tags: { a: ['0', '3', '6'], b: ['b1', 'b12'], id: ['id000', 'id299'] },
    from: newYear,
    until: newYear + 300,
  },
  {
    measurement: 'clock',
    numbers: ['v', 'i'],
    strings: [],
    booleans: [],
    tags: {},
    from: 1_553_731_200,
    until: 1_554_163_200,
  },
];

const aggregates = [
  'count',
  'sum',
  'mean',
  'min',
  'max',
  'first',
  'last',
  'spread',
  'stddev',
  'median',
];
const selectors = ['min', 'max', 'first', 'last'];
/** With what follows the first argument. */
const transformations: readonly (readonly [name: string, rest: string])[] = [
  ['derivative', ''],
  ['derivative', ', 10s'],
  ['non_negative_derivative', ''],
  ['difference', ''],
  ['non_negative_difference', ''],
  ['cumulative_sum', ''],
  ['elapsed', ', 1s'],
  ['moving_average', ', 2'],
  ['moving_average', ', 5'],
  ['exponential_moving_average', ', 3'],
  ['relative_strength_index', ', 2'],
  ['chande_momentum_oscillator', ', 3'],
];

export class SelectGenerator {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = makeRandom(seed);
  }

  next(): string {
    const subject = this.#pick(subjects);
    const roll = this.#random();
    if (roll < 0.35) return this.#rawSelect(subject);
    if (roll < 0.5) return this.#aggregateSelect(subject);
    if (roll < 0.75) return this.#windowSelect(subject);
    if (roll < 0.88) return this.#transformSelect(subject);
    return this.#nestedSelect(subject);
  }

  #pick<T>(options: readonly T[]): T {
    return options[Math.floor(this.#random() * options.length)]!;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #some<T>(options: readonly T[], max: number): T[] {
    const count = 1 + this.#below(max);
    return Array.from({ length: count }, () => this.#pick(options));
  }

  #fields(subject: Subject): string[] {
    return [...subject.numbers, ...subject.strings, ...subject.booleans];
  }

  #rawSelect(subject: Subject): string {
    const tags = Object.keys(subject.tags);
    const columns = this.#chance(0.2)
      ? ['*']
      : [
          ...this.#some(
            [...this.#fields(subject), ...subject.numbers.map((name) => this.#arithmetic(name))],
            3,
          ),
          ...(this.#chance(0.3) ? this.#some([...tags, 'nosuch'], 2) : []),
        ];
    const where = this.#where(subject, this.#chance(0.5));
    const groups = this.#chance(0.4) ? this.#groups(subject) : [];
    return `SELECT ${columns.join(', ')} FROM ${subject.measurement}${where}${this.#groupBy(groups)}${this.#tail(where, true)}`;
  }

  #arithmetic(name: string): string {
    const number = this.#pick(['1', '2', '0.5', '3', '100']);
    return this.#pick([
      `${name} + ${number}`,
      `${name} * ${number}`,
      `-${name}`,
      `${name} / ${number}`,
      `${number} - ${name}`,
    ]);
  }

  #call(subject: Subject): string {
    const name = this.#pick(aggregates);
    const field =
      name === 'count' || name === 'first' || name === 'last'
        ? this.#pick(this.#fields(subject))
        : this.#pick(subject.numbers);
    if (this.#chance(0.1))
      return `percentile(${this.#pick(subject.numbers)}, ${this.#pick(['50', '75', '95', '99.9'])})`;
    if (this.#chance(0.1)) return `count(distinct(${this.#pick(this.#fields(subject))}))`;
    return `${name}(${field})`;
  }

  #calls(subject: Subject): string {
    const roll = this.#random();
    const field = this.#pick(subject.numbers);
    if (roll < 0.08) return `distinct(${this.#pick(this.#fields(subject))})`;
    if (roll < 0.2) {
      const beside = this.#some([...this.#fields(subject), ...Object.keys(subject.tags)], 2);
      return [`${this.#pick(selectors)}(${field})`, ...beside].join(', ');
    }
    if (roll < 0.3) return `${this.#pick(aggregates)}(*)`;
    if (roll < 0.4) {
      return `max(${field}) ${this.#pick(['-', '+', '*', '/'])} ${this.#pick(['min', 'mean', 'count'])}(${this.#pick(subject.numbers)})`;
    }
    return Array.from({ length: 1 + this.#below(3) }, () => this.#call(subject)).join(', ');
  }

  #aggregateSelect(subject: Subject): string {
    const groups = this.#chance(0.6) ? this.#groups(subject) : [];
    const where = this.#where(subject, this.#chance(0.5));
    return `SELECT ${this.#calls(subject)} FROM ${subject.measurement}${where}${this.#groupBy(groups)}${this.#tail(where, groups.length > 0)}`;
  }

  #windowSelect(subject: Subject): string {
    const span = subject.until - subject.from;
    const interval = Math.max(1, Math.round(span / (2 + this.#below(12))));
    const offset = this.#chance(0.2)
      ? `, ${this.#pick(['', '-'])}${this.#below(interval * 2)}s`
      : '';
    const time = `time(${interval}s${offset})`;
    const groups = this.#chance(0.5) ? [time, ...this.#groups(subject)] : [time];
    const fill = this.#chance(0.6)
      ? ` fill(${this.#pick(['null', 'none', 'previous', 'linear', '0', '7', '-1.5'])})`
      : '';
    const calls = this.#calls(subject);
    // The reference puts the number into texts beside a selector; we do not.
    const isLegal = !/fill\(-?\d/.test(fill) || !/, [a-z]+(,|$)/.test(calls);
    const where = this.#where(subject, true);
    const tail = this.#tail(where, true);
    return `SELECT ${calls} FROM ${subject.measurement}${where}${this.#groupBy(groups)}${isLegal ? fill : ''}${tail}`;
  }

  /** One transformation, of rows of one series or of an aggregate. */
  #transformSelect(subject: Subject): string {
    const field = this.#pick(subject.numbers);
    const [name, rest] = this.#pick(transformations);
    const groups = Object.keys(subject.tags).length === 0 ? [] : ['*'];
    const order = this.#chance(0.3) ? ' ORDER BY time DESC' : '';
    if (this.#chance(0.4)) {
      const where = this.#where(subject, this.#chance(0.5));
      return `SELECT ${name}(${field}${rest}) FROM ${subject.measurement}${where}${this.#groupBy(groups)}${order}`;
    }
    const interval = Math.round((subject.until - subject.from) / (3 + this.#below(10)));
    const call = `${this.#pick(['mean', 'max', 'min', 'sum', 'count', 'last'])}(${field})`;
    const fill = this.#pick(['', ' fill(none)', ' fill(0)', ' fill(previous)', ' fill(linear)']);
    const windows = [`time(${interval}s)`, ...(this.#chance(0.5) ? groups : [])];
    return `SELECT ${name}(${call}${rest}) FROM ${subject.measurement}${this.#where(subject, true)}${this.#groupBy(windows)}${fill}${order}`;
  }

  /** A query over rows or windows of another, by whole series, so that no two rows share a time. */
  #nestedSelect(subject: Subject): string {
    const [a, b] = [this.#pick(subject.numbers), this.#pick(subject.numbers)];
    const where = this.#where(subject, true);
    const groups = Object.keys(subject.tags).length === 0 ? [] : ['*'];
    const interval = Math.round((subject.until - subject.from) / (3 + this.#below(10)));
    const inner = this.#chance(0.5)
      ? `SELECT ${a} AS x, ${b} AS y FROM ${subject.measurement}${where}${this.#groupBy(groups)}`
      : `SELECT ${this.#pick(selectors)}(${a}) AS x, mean(${b}) AS y FROM ${subject.measurement}${where}${this.#groupBy([`time(${interval}s)`, ...groups])}`;
    const outer = this.#pick([
      'x, y',
      'x + y',
      'count(x), sum(y)',
      'max(x), y',
      'mean(x)',
      'spread(x), first(y)',
      'cumulative_sum(y)',
    ]);
    const condition = this.#chance(0.4)
      ? ` WHERE ${this.#pick(['x > 10', 'y <= 50', 'x != y', 'y > 0 AND x > 0'])}`
      : '';
    return `SELECT ${outer} FROM (${inner})${condition}${this.#groupBy(groups)}`;
  }

  #groups(subject: Subject): string[] {
    const tags = Object.keys(subject.tags);
    if (this.#chance(0.2) || tags.length === 0) return ['*'];
    if (this.#chance(0.1)) return ['/./'];
    return [...new Set(this.#some([...tags, 'nosuch'], 2))];
  }

  #groupBy(groups: readonly string[]): string {
    return groups.length === 0 ? '' : ` GROUP BY ${groups.join(', ')}`;
  }

  #where(subject: Subject, timed: boolean): string {
    const parts: string[] = [];
    if (timed) {
      const span = subject.until - subject.from;
      const low = subject.from - 60 + this.#below(span);
      const high = low + 30 + this.#below(span);
      parts.push(`time >= ${low}s`, `time ${this.#pick(['<', '<='])} ${high}s`);
    }
    if (this.#chance(0.5)) parts.push(this.#condition(subject, 2));
    return parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`;
  }

  #condition(subject: Subject, depth: number): string {
    if (depth > 0 && this.#chance(0.4)) {
      const op = this.#pick([' AND ', ' OR ']);
      return `(${this.#condition(subject, depth - 1)}${op}${this.#condition(subject, depth - 1)})`;
    }
    const tags = Object.entries(subject.tags);
    if (tags.length > 0 && this.#chance(0.5)) {
      const [key, values] = this.#pick(tags);
      if (this.#chance(0.4))
        return `${key} ${this.#pick(['=~', '!~'])} ${this.#pick(['/a/', '/^.$/', '/[0-5]/', '/^$/', '/e|u/', '/.*/'])}`;
      return `${key} ${this.#pick(['=', '!='])} '${this.#pick(values)}'`;
    }
    if (subject.strings.length > 0 && this.#chance(0.2)) {
      return `${this.#pick(subject.strings)} ${this.#pick(["= 's1'", "!= 's2'", '=~ /[0-2]/', "= 'even'", '!~ /d/'])}`;
    }
    if (subject.booleans.length > 0 && this.#chance(0.15)) {
      return `${this.#pick(subject.booleans)} ${this.#pick(['=', '!='])} ${this.#pick(['true', 'false'])}`;
    }
    const value = this.#pick(['-10', '0', '5', '20.5', '50', '100', '1000']);
    return `${this.#pick(subject.numbers)} ${this.#pick(['>', '<', '>=', '<=', '!='])} ${value}`;
  }

  #tail(where: string, paged: boolean): string {
    const order = this.#chance(0.25) ? ' ORDER BY time DESC' : '';
    if (!paged || this.#chance(0.6)) return order;
    const limit = ` LIMIT ${1 + this.#below(10)}${this.#chance(0.3) ? ` OFFSET ${this.#below(6)}` : ''}`;
    const slimit =
      !boundedTime.test(where) && this.#chance(0.3)
        ? ` SLIMIT ${1 + this.#below(3)}${this.#chance(0.3) ? ` SOFFSET ${this.#below(3)}` : ''}`
        : '';
    return `${order}${limit}${slimit}`;
  }
}
