/** A query in pieces: it is written out from them, and made smaller by leaving some out. */

export interface SelectText {
  readonly columns: readonly string[];
  /** '' = none, each. */
  readonly into: string;
  readonly from: readonly (string | SelectText)[];
  readonly where: readonly string[];
  readonly groups: readonly string[];
  readonly fill: string;
  readonly descending: boolean;
  /** 0 = none, each. */
  readonly limit: number;
  readonly offset: number;
  readonly slimit: number;
  readonly soffset: number;
  readonly zone: string;
}

export const emptySelect: Omit<SelectText, 'columns' | 'from'> = {
  into: '',
  where: [],
  groups: [],
  fill: '',
  descending: false,
  limit: 0,
  offset: 0,
  slimit: 0,
  soffset: 0,
  zone: '',
};

export interface RandomQuestion {
  readonly statements: readonly (string | SelectText)[];
  readonly params: Readonly<Record<string, string>>;
  readonly accept: 'json' | 'csv' | 'msgpack';
}

function clause(word: string, text: string | number): string {
  return text === '' || text === 0 ? '' : ` ${word}${text}`;
}

export function printSelect(select: SelectText): string {
  const from = select.from.map((source) =>
    typeof source === 'string' ? source : `(${printSelect(source)})`,
  );
  return [
    `SELECT ${select.columns.join(', ')}`,
    clause('INTO ', select.into),
    ` FROM ${from.join(', ')}`,
    clause('WHERE ', select.where.join(' AND ')),
    clause('GROUP BY ', select.groups.join(', ')),
    clause('', select.fill),
    select.descending ? ' ORDER BY time DESC' : '',
    clause('LIMIT ', select.limit),
    clause('OFFSET ', select.offset),
    clause('SLIMIT ', select.slimit),
    clause('SOFFSET ', select.soffset),
    clause('', select.zone === '' ? '' : `tz('${select.zone}')`),
  ].join('');
}

export function printQuestion({ statements }: RandomQuestion): string {
  return statements
    .map((statement) => (typeof statement === 'string' ? statement : printSelect(statement)))
    .join('; ');
}

function* without<Item>(items: readonly Item[], least: number): Generator<Item[]> {
  if (items.length <= least) return;
  for (let i = 0; i < items.length; i++) yield items.toSpliced(i, 1);
}

function isTimed(text: string): boolean {
  return text.startsWith('time');
}

/** Bounds of time stay where there are windows: without them the reference builds windows until today. */
function* withoutCondition({ where, groups }: SelectText): Generator<string[]> {
  const hasWindows = groups.some(isTimed);
  for (const [i, text] of where.entries()) {
    if (!hasWindows || !isTimed(text)) yield where.toSpliced(i, 1);
  }
}

/** Selects with one piece less. */
function* smallerSelects(select: SelectText): Generator<SelectText> {
  for (const columns of without(select.columns, 1)) yield { ...select, columns };
  for (const where of withoutCondition(select)) yield { ...select, where };
  for (const groups of without(select.groups, 0)) yield { ...select, groups };
  for (const from of without(select.from, 1)) yield { ...select, from };
  for (const key of [
    'fill',
    'zone',
    'descending',
    'limit',
    'offset',
    'slimit',
    'soffset',
  ] as const) {
    if (select[key] !== emptySelect[key]) yield { ...select, [key]: emptySelect[key] };
  }
  for (const [i, source] of select.from.entries()) {
    if (typeof source === 'string') continue;
    for (const inner of smallerSelects(source)) {
      yield { ...select, from: select.from.toSpliced(i, 1, inner) };
    }
  }
}

/** Questions with one piece less. */
export function* smallerQuestions(question: RandomQuestion): Generator<RandomQuestion> {
  for (const key of Object.keys(question.params)) {
    const { [key]: _, ...params } = question.params;
    yield { ...question, params };
  }
  if (question.accept !== 'json') yield { ...question, accept: 'json' };
  for (const [i, statement] of question.statements.entries()) {
    if (typeof statement === 'string') continue;
    for (const smaller of smallerSelects(statement)) {
      yield { ...question, statements: question.statements.toSpliced(i, 1, smaller) };
    }
  }
}
