/**
 * Query texts at random, by seed: grown from the grammar, then now and then damaged.
 *
 * Most are well formed, so that printing is compared as well as refusing.
 */

/** A small generator of its own (mulberry32), so that a seed means the same for ever. */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export class QueryGenerator {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = makeRandom(seed);
  }

  /** One query text. */
  next(): string {
    let text = this.statement();
    if (this.#chance(0.05)) text = `${text}${this.pick(';', '; ', ' ;', '\n')}${this.statement()}`;
    if (this.#chance(0.08)) text = this.#caseOf(text);
    if (this.#chance(0.1))
      text = text.replaceAll(' ', this.pick('  ', '\n', '\t', ' /* c */ ', '\r\n', ' -- c\n'));
    for (let n = this.#chance(0.35) ? this.#below(3) + 1 : 0; n > 0; n--) text = this.#damage(text);
    return Buffer.from(text).toString();
  }

  pick<T>(...options: readonly T[]): T {
    return options[this.#below(options.length)]!;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #maybe(text: () => string, probability = 0.3): string {
    return this.#chance(probability) ? text() : '';
  }

  #list(item: () => string, max = 3): string {
    const items = Array.from({ length: 1 + this.#below(max) }, item);
    return items.join(this.pick(', ', ',', ' , '));
  }

  #caseOf(text: string): string {
    return [...text].map((char) => (this.#chance(0.5) ? char.toUpperCase() : char)).join('');
  }

  #damage(text: string): string {
    const at = this.#below(text.length + 1);
    const words = text.split(' ');
    switch (this.#below(7)) {
      case 0:
        return text.slice(0, at);
      case 1:
        return text.slice(0, at) + text.slice(at + 1 + this.#below(3));
      case 2:
        return text.slice(0, at) + this.#junk() + text.slice(at);
      case 3:
        words.splice(this.#below(words.length), 1);
        return words.join(' ');
      case 4:
        words.splice(this.#below(words.length), 0, this.#word());
        return words.join(' ');
      case 5:
        words[this.#below(words.length)] = this.#word();
        return words.join(' ');
      default:
        return text.slice(0, at) + text.slice(at).split('').reverse().join('').slice(0, 4);
    }
  }

  #junk(): string {
    return this.pick(
      '"',
      "'",
      '/',
      '\\',
      '(',
      ')',
      ',',
      ';',
      '.',
      ':',
      '::',
      '$',
      '$a',
      '-',
      '--',
      '/*',
      '*/',
      '*',
      '=',
      '=~',
      '!',
      '!~',
      '<>',
      '<',
      '1',
      '1.',
      '.5',
      '1h',
      '1us',
      'µ',
      'é',
      '😀',
      '\n',
      '\r',
      '\t',
      ' ',
      '#',
      '@',
      '{',
      '~',
      '`',
      "\\'",
      '\\n',
      '\\q',
      'x',
    );
  }

  #word(): string {
    return this.pick(
      'SELECT',
      'FROM',
      'WHERE',
      'GROUP',
      'BY',
      'LIMIT',
      'OFFSET',
      'ON',
      'ORDER',
      'fill(0)',
      "tz('UTC')",
      'time',
      'INTO',
      'AS',
      'AND',
      'OR',
      'true',
      '5',
      '1.5',
      "'x'",
      '"y"',
      '/z/',
      '*',
      'DISTINCT',
      'ALL',
      'EXACT',
      'CARDINALITY',
      'WITH',
      'KEY',
      'KEYS',
      'DURATION',
      'INF',
      '1d',
      'DEFAULT',
      'END',
      'BEGIN',
      'DATABASE',
      'SERIES',
      'USER',
      'TO',
      'FOR',
      'IN',
      'name',
      'SHOW',
      'DROP',
      'desc',
      'slimit',
      'SOFFSET',
    );
  }

  ident(): string {
    return this.pick(
      'cpu',
      'usage_idle',
      'host',
      'v',
      'a',
      'b1',
      '_x',
      'Time',
      '"a b"',
      '"select"',
      '"é"',
      '"a\\"b"',
      '""',
      '"a.b"',
      'x"y"',
      '"n\\nl"',
      'name0',
      '"1a"',
      'mean',
      'value',
      'region',
      '"host"',
      '"name"',
      '"\\\\"',
    );
  }

  string(): string {
    return this.pick(
      "'a'",
      "''",
      "'it\\'s'",
      "'a\\\\b'",
      "'n\\nl'",
      "'\"'",
      "'2020-01-01'",
      "'2020-01-01T00:00:00Z'",
      "'é'",
      "'2020-01-01 10:00:00.5'",
      "'UTC'",
      "'server01'",
    );
  }

  regex(): string {
    return this.pick(
      '/a/',
      '/^server0[12]$/',
      '/a\\/b/',
      '/.*/',
      '/(?i)x/',
      '/\\d+/',
      '/a|b/',
      '//',
      '/[a/',
      '/(/',
      '/a\\\\/b/',
      '/*/',
      '/a b/',
      '/\\.x/',
      '/é/',
      '/(?P<n>a)/',
      '/x{2,3}/',
    );
  }

  duration(): string {
    return this.pick(
      '1h',
      '10m',
      '1d12h',
      '5s',
      '100ms',
      '7u',
      '3µ',
      '1w',
      '90m',
      '1ns',
      '0s',
      '60m',
      '36h',
      '1500ms',
      '1us',
      '100000w',
      '1e10',
      '2h30',
      '365d',
      '9223372036854775807ns',
      '9223372036854775808ns',
      '106751d',
    );
  }

  number(): string {
    return this.pick(
      '0',
      '1',
      '42',
      '1.5',
      '.25',
      '1.',
      '9223372036854775807',
      '9223372036854775808',
      '18446744073709551615',
      '18446744073709551616',
      '3.14159265',
      '0.0005',
      '123456789012345678',
      '1234567890123456789012.5',
      '100.0',
      '007',
      '2.50',
    );
  }

  varRef(): string {
    const name = this.#chance(0.1) ? `${this.ident()}.${this.ident()}` : this.ident();
    return `${name}${this.#maybe(() => `::${this.pick('float', 'integer', 'unsigned', 'string', 'boolean', 'field', 'tag', 'FLOAT', 'foo', 'time')}`, 0.1)}`;
  }

  call(depth: number): string {
    const name = this.pick(
      'count',
      'sum',
      'mean',
      'min',
      'MAX',
      'first',
      'last',
      'spread',
      'stddev',
      'median',
      'percentile',
      'distinct',
      'mode',
      'integral',
      'top',
      'bottom',
      'sample',
      'derivative',
      'difference',
      'moving_average',
      'elapsed',
      'abs',
      'now',
      'foo',
      'holt_winters',
      '"quoted fn"',
    );
    if (this.#chance(0.05)) return `${name}()`;
    return `${name}(${this.#list(
      () =>
        this.pick(
          () => this.expr(depth - 1),
          () => this.varRef(),
          () => this.varRef(),
          () => this.number(),
          () => this.duration(),
          () => '*',
          () => this.regex(),
          () => this.string(),
          () => `DISTINCT ${this.ident()}`,
        )(),
      2,
    )})`;
  }

  expr(depth: number): string {
    if (depth <= 0)
      return this.pick(
        () => this.varRef(),
        () => this.number(),
        () => this.varRef(),
      )();
    return this.pick(
      () => this.varRef(),
      () => this.varRef(),
      () => this.number(),
      () => this.call(depth),
      () => this.call(depth),
      () =>
        `${this.expr(depth - 1)}${this.pick(' + ', ' - ', '*', ' / ', ' % ', ' & ', ' | ', ' ^ ')}${this.expr(depth - 1)}`,
      () => `(${this.expr(depth - 1)})`,
      () => `${this.pick('-', '+', '- ')}${this.expr(depth - 1)}`,
    )();
  }

  literal(): string {
    return this.pick(
      () => this.string(),
      () => this.number(),
      () => this.duration(),
      () => this.pick('true', 'FALSE'),
    )();
  }

  timeExpr(): string {
    return this.pick(
      () => 'now()',
      () => `now() ${this.pick('-', '+')} ${this.duration()}`,
      () => this.string(),
      () => this.number(),
      () => `${this.number()}ms`,
      () => `${this.string()} - ${this.duration()}`,
      () => this.duration(),
    )();
  }

  condition(depth: number): string {
    if (depth <= 0 || this.#chance(0.3)) {
      return this.pick(
        () =>
          `${this.varRef()} ${this.pick('=', '!=', '<>', '>', '<', '>=', '<=')} ${this.literal()}`,
        () => `${this.varRef()} ${this.pick('=~', '!~')} ${this.regex()}`,
        () => `time ${this.pick('>', '<', '>=', '<=', '=', '!=')} ${this.timeExpr()}`,
        () => `${this.timeExpr()} ${this.pick('>', '<')} time`,
        () => `${this.expr(1)} > ${this.expr(1)}`,
        () => this.varRef(),
      )();
    }
    return this.pick(
      () => `${this.condition(depth - 1)} AND ${this.condition(depth - 1)}`,
      () => `${this.condition(depth - 1)} OR ${this.condition(depth - 1)}`,
      () => `(${this.condition(depth - 1)})`,
    )();
  }

  source(depth: number): string {
    if (depth > 0 && this.#chance(0.15)) return `(${this.select(depth - 1)})`;
    return this.measurement();
  }

  measurement(): string {
    return this.pick(
      () => this.ident(),
      () => this.ident(),
      () => this.ident(),
      () => `${this.ident()}.${this.ident()}`,
      () => `${this.ident()}.${this.ident()}.${this.ident()}`,
      () => `${this.ident()}..${this.ident()}`,
      () => this.regex(),
      () => `${this.ident()}.${this.regex()}`,
      () => `${this.ident()}..${this.regex()}`,
      () => `${this.ident()}.${this.ident()}.${this.regex()}`,
    )();
  }

  dimension(): string {
    return this.pick(
      () => this.ident(),
      () => this.ident(),
      () => '*',
      () => this.regex(),
      () => `time(${this.duration()})`,
      () => `time(${this.duration()}, ${this.pick('-', '')}${this.duration()})`,
      () => 'time(1m, now())',
      () => '*::tag',
      () => this.expr(1),
    )();
  }

  select(depth: number): string {
    const field = () =>
      `${this.pick(
        () => '*',
        () => this.regex(),
        () => this.expr(2),
        () => this.call(2),
        () => `DISTINCT ${this.ident()}`,
        () => '*::field',
      )()}${this.#maybe(() => ` AS ${this.ident()}`, 0.15)}`;
    return [
      `SELECT ${this.#list(field)}`,
      this.#maybe(
        () =>
          ` INTO ${this.pick(
            () => this.measurement(),
            () => `${this.ident()}.:MEASUREMENT`,
            () => `${this.ident()}.${this.ident()}.:MEASUREMENT`,
            () => ':MEASUREMENT',
          )()}`,
        0.08,
      ),
      ` FROM ${this.#list(() => this.source(depth), 2)}`,
      this.#maybe(() => ` WHERE ${this.condition(2)}`, 0.6),
      this.#maybe(() => ` GROUP BY ${this.#list(() => this.dimension())}`, 0.5),
      this.#maybe(
        () =>
          ` ${this.pick('fill', 'FILL')}(${this.pick('null', 'none', 'previous', 'linear', '0', '1.5', '-1', '-2.5', 'foo', '0.00001', '1e5', '100000000000000000000000.0', '')})`,
        0.3,
      ),
      this.orderBy(0.3),
      this.#paging(true),
      this.#maybe(
        () =>
          ` tz('${this.pick('UTC', 'America/New_York', 'Europe/Berlin', 'Nowhere/Land', '', 'Asia/Kolkata')}')`,
        0.1,
      ),
    ].join('');
  }

  orderBy(probability: number): string {
    return this.#maybe(
      () =>
        ` ORDER BY ${this.pick('time', 'time DESC', 'time asc', 'ASC', 'DESC', 'host', 'time, host', 'time DESC, x ASC')}`,
      probability,
    );
  }

  #paging(series: boolean): string {
    const amount = () => this.pick('0', '1', '10', '100', '1.5', '1h', 'x');
    const words = series ? ['LIMIT', 'OFFSET', 'SLIMIT', 'SOFFSET'] : ['LIMIT', 'OFFSET'];
    return words.map((word) => this.#maybe(() => ` ${word} ${amount()}`, 0.15)).join('');
  }

  #on(probability = 0.4): string {
    return this.#maybe(() => ` ON ${this.ident()}`, probability);
  }

  #from(): string {
    return this.#maybe(() => ` FROM ${this.#list(() => this.measurement(), 2)}`, 0.5);
  }

  #where(): string {
    return this.#maybe(() => ` WHERE ${this.condition(1)}`, 0.4);
  }

  #withKey(): string {
    return ` WITH KEY ${this.pick(
      () => `= ${this.ident()}`,
      () => `!= ${this.ident()}`,
      () => `IN (${this.#list(() => this.ident())})`,
      () => `=~ ${this.regex()}`,
      () => `!~ ${this.regex()}`,
      () => `${this.ident()}`,
    )()}`;
  }

  show(): string {
    const exact = () => this.pick('', ' EXACT');
    const clauses = () =>
      `${this.#on()}${this.#from()}${this.#where()}${this.orderBy(0.1)}${this.#paging(false)}`;
    const counting = () =>
      `${this.#on()}${this.#from()}${this.#where()}${this.#maybe(() => ` GROUP BY ${this.dimension()}`, 0.2)}${this.#paging(false)}`;
    return this.pick(
      () =>
        `SHOW ${this.pick('DATABASES', 'QUERIES', 'USERS', 'SHARDS', 'SHARD GROUPS', 'CONTINUOUS QUERIES', 'SUBSCRIPTIONS')}`,
      () =>
        `SHOW ${this.pick('STATS', 'DIAGNOSTICS')}${this.#maybe(() => ` FOR ${this.string()}`)}`,
      () => `SHOW GRANTS FOR ${this.ident()}`,
      () => `SHOW RETENTION POLICIES${this.#on()}`,
      () =>
        `SHOW MEASUREMENTS${this.#maybe(() => ' ON db', 0.4)}${this.#maybe(
          () =>
            ` WITH MEASUREMENT ${this.pick(
              () => `= ${this.ident()}`,
              () => `=~ ${this.regex()}`,
            )()}`,
        )}${this.#where()}${this.orderBy(0.1)}${this.#paging(false)}`,
      () => `SHOW SERIES${clauses()}`,
      () =>
        `SHOW TAG KEYS${this.#on()}${this.#from()}${this.#where()}${this.orderBy(0.1)}${this.#paging(true)}`,
      () =>
        `SHOW TAG VALUES${this.#on()}${this.#from()}${this.#withKey()}${this.#where()}${this.orderBy(0.1)}${this.#paging(false)}`,
      () => `SHOW FIELD KEYS${this.#on()}${this.#from()}${this.orderBy(0.1)}${this.#paging(false)}`,
      () =>
        `SHOW ${this.pick('SERIES', 'MEASUREMENT', 'TAG KEY', 'FIELD KEY')}${exact()} CARDINALITY${counting()}`,
      () =>
        `SHOW TAG VALUES${exact()} CARDINALITY${this.#on()}${this.#from()}${this.#withKey()}${this.#where()}`,
    )();
  }

  admin(): string {
    const i = () => this.ident();
    const policy = () =>
      `${this.#maybe(() => ` DURATION ${this.pick('INF', this.duration())}`, 0.6)}${this.#maybe(() => ` REPLICATION ${this.pick('1', '2', '0', '3000000000', '99999999999999999999')}`, 0.6)}${this.#maybe(() => ` SHARD DURATION ${this.pick('INF', this.duration(), '1h', '0s')}`, 0.4)}`;
    return this.pick(
      () => `CREATE DATABASE ${i()}`,
      () => `CREATE DATABASE ${i()} WITH${policy()}${this.#maybe(() => ` NAME ${i()}`)}`,
      () => `CREATE RETENTION POLICY ${i()} ON ${i()}${policy()}${this.#maybe(() => ' DEFAULT')}`,
      () =>
        `ALTER RETENTION POLICY ${this.pick(i(), 'DEFAULT')} ON ${i()}${policy()}${this.#maybe(() => ' DEFAULT')}${this.#maybe(policy, 0.1)}`,
      () => `DROP ${this.pick('DATABASE', 'MEASUREMENT', 'USER')} ${i()}`,
      () => `DROP ${this.pick('RETENTION POLICY', 'CONTINUOUS QUERY')} ${i()} ON ${i()}`,
      () => `DROP SHARD ${this.number()}`,
      () =>
        `${this.pick('DROP SERIES', 'DELETE')}${this.#maybe(
          () =>
            ` FROM ${this.#list(
              () =>
                this.pick(
                  () => this.ident(),
                  () => this.regex(),
                )(),
              2,
            )}`,
          0.7,
        )}${this.#where()}`,
      () =>
        `CREATE USER ${i()} WITH PASSWORD ${this.string()}${this.#maybe(() => ' WITH ALL PRIVILEGES')}`,
      () => `SET PASSWORD FOR ${i()} = ${this.string()}`,
      () =>
        `${this.pick('GRANT', 'REVOKE')} ${this.pick('READ', 'WRITE', 'ALL', 'ALL PRIVILEGES')}${this.#maybe(() => ` ON ${i()}`, 0.7)} ${this.pick('TO', 'FROM')} ${i()}`,
      () => `KILL QUERY ${this.number()}${this.#on()}`,
      () =>
        `CREATE SUBSCRIPTION ${i()} ON ${i()}.${i()} DESTINATIONS ${this.pick('ALL', 'ANY')} ${this.#list(() => this.string())}`,
      () => `DROP SUBSCRIPTION ${i()} ON ${i()}.${i()}`,
      () =>
        `CREATE CONTINUOUS QUERY ${i()} ON ${i()}${this.#maybe(() => ` RESAMPLE${this.#maybe(() => ` EVERY ${this.duration()}`, 0.7)}${this.#maybe(() => ` FOR ${this.duration()}`, 0.7)}`)} BEGIN SELECT mean(v) INTO ${this.measurement()} FROM ${i()} GROUP BY ${this.#maybe(() => `time(${this.duration()}), `, 0.8)}* END`,
      () => `CREATE CONTINUOUS QUERY ${i()} ON ${i()} BEGIN ${this.select(1)} END`,
      () => `EXPLAIN ${this.pick('', 'ANALYZE ')}${this.select(1)}`,
    )();
  }

  statement(): string {
    const roll = this.#random();
    if (roll < 0.6) return this.select(2);
    return roll < 0.8 ? this.show() : this.admin();
  }
}
