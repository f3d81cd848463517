/** What the generator knows of the data of datasets.ts. */

export interface Subject {
  /** As FROM names it. */
  readonly source: string;
  readonly numbers: readonly string[];
  /** Those of `numbers` that are integers. */
  readonly integers: readonly string[];
  readonly strings: readonly string[];
  readonly booleans: readonly string[];
  /** Tag keys and some of their values. */
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** ns since the epoch; undefined = too wide for windows. */
  readonly span: readonly [from: bigint, until: bigint] | undefined;
  /** Rows of several series share times: the reference leaves the order of such rows open. */
  readonly hasTies?: boolean;
  /** Values whose sums and means depend on the order of summation. */
  readonly isExtreme?: boolean;
}

const second = 1_000_000_000n;
const newYear = 1_577_836_800n * second;

function seconds(from: bigint, count: number): readonly [bigint, bigint] {
  return [from, from + BigInt(count) * second];
}

const none = { integers: [], strings: [], booleans: [], tags: {} } as const;

export const subjects: readonly Subject[] = [
  {
    source: 'cpu',
    numbers: ['v', 'i'],
    integers: ['i'],
    strings: ['s'],
    booleans: ['b'],
    tags: { host: ['a', 'b', 'c', 'x'], region: ['eu', 'us', ''] },
    span: seconds(newYear, 600),
  },
  {
    source: 'second.cpu',
    numbers: ['v', 'i'],
    integers: ['i'],
    strings: ['s'],
    booleans: ['b'],
    tags: { host: ['a', 'b', 'c'], region: ['eu', ''] },
    span: seconds(newYear, 200),
  },
  {
    ...none,
    source: 'zoo.autogen.gaps',
    numbers: ['f', 'n'],
    integers: ['n'],
    strings: ['t'],
    tags: { k: ['x', 'y'] },
    span: seconds(newYear, 5500),
  },
  {
    ...none,
    source: 'zoo..many',
    numbers: ['v', 'n'],
    integers: ['n'],
    tags: { a: ['0', '3', '6'], b: ['b1', 'b12'], id: ['id000', 'id299'] },
    span: seconds(newYear, 300),
  },
  {
    ...none,
    source: 'clock',
    numbers: ['v', 'i'],
    integers: ['i'],
    span: seconds(1_553_731_200n * second, 432_000),
  },
  {
    ...none,
    source: 'days',
    numbers: ['v'],
    tags: { k: ['0', '1', '2'] },
    span: seconds(1_553_731_200n * second, 5_184_000),
  },
  {
    ...none,
    source: 'old',
    numbers: ['v', 'w'],
    integers: ['w'],
    tags: { a: ['1'] },
    span: undefined,
  },
  {
    ...none,
    source: 'nano',
    numbers: ['v'],
    tags: { t: ['0', '1'] },
    span: [newYear, newYear + 50n],
  },
  {
    ...none,
    source: '"my, m=1"',
    numbers: ['"field key"', '"v=3"'],
    integers: ['"v=3"'],
    strings: ['"f,2"'],
    tags: {
      '"tag key"': ['other', 'tag value'],
      '"t=2"': ['a,b', 'c=d'],
      '"ünï"': ['日本', 'cödé'],
    },
    span: seconds(newYear, 3),
  },
  {
    ...none,
    source: 'dup',
    numbers: ['v', 'w', 'x'],
    tags: { k: ['a', 'b'] },
    span: seconds(newYear, 3),
  },
  {
    ...none,
    source: 'floats',
    numbers: ['tiny', 'small', 'neg', 'third', 'min'],
    span: seconds(newYear, 2),
    isExtreme: true,
  },
  {
    ...none,
    source: 'bools',
    numbers: [],
    booleans: ['b'],
    tags: { k: ['a', 'b'] },
    span: seconds(newYear, 3),
  },
  { ...none, source: 'texts', numbers: [], strings: ['t', 'u'], span: seconds(newYear, 4) },
  {
    ...none,
    source: 'ints',
    numbers: ['f'],
    tags: { k: ['0', '1'] },
    span: seconds(newYear, 6),
    isExtreme: true,
  },
  {
    ...none,
    source: 'tsbs.autogen.cpu',
    numbers: ['usage_user', 'usage_system', 'usage_guest_nice'],
    integers: ['usage_user', 'usage_system', 'usage_guest_nice'],
    tags: {
      hostname: ['host_0', 'host_7', 'host_19'],
      region: ['us-west-1', 'eu-west-1'],
      rack: ['0', '5'],
    },
    span: seconds(1_451_606_400n * second, 7_200),
    hasTies: true,
  },
];

export function fieldsOf({ numbers, strings, booleans }: Subject): string[] {
  return [...numbers, ...strings, ...booleans];
}

export function tagKeysOf({ tags }: Subject): string[] {
  return Object.keys(tags);
}
