/** The index of entries against a plain list of what is in the log. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EntryIndex } from '../../../../src/datanode/log/entry-index.ts';

interface Known {
  readonly origin: string;
  readonly sequence: number;
  readonly segment: number;
  readonly offset: number;
}

type Step =
  | { readonly kind: 'add'; readonly origin: string; readonly gap: number }
  | { readonly kind: 'rotate' }
  | { readonly kind: 'trim'; readonly segments: number }
  | { readonly kind: 'damage'; readonly origin: string };

const origins = ['aa', 'bb', 'cc'];
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      origin: fc.constantFrom(...origins),
      gap: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 3),
    }),
  },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: 'rotate' }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('trim' as const), segments: fc.nat(3) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('damage' as const),
      origin: fc.constantFrom(...origins),
    }),
  },
);

/** What can be read, said slowly: of each origin the entries behind the last gap. */
class Model {
  entries: Known[] = [];
  readonly versions: Record<string, number> = {};
  segment = 1;
  offset = 0;

  add(origin: string, gap: number): Known {
    const sequence = (this.versions[origin] ?? 0) + 1 + gap;
    if (gap > 0) this.entries = this.entries.filter((entry) => entry.origin !== origin);
    this.versions[origin] = sequence;
    const entry = { origin, sequence, segment: this.segment, offset: ++this.offset };
    this.entries.push(entry);
    return entry;
  }

  dropThrough(origin: string, sequence: number): void {
    this.entries = this.entries.filter(
      (entry) => entry.origin !== origin || entry.sequence > sequence,
    );
  }

  trim(below: number): void {
    this.entries = this.entries.filter(({ segment }) => segment >= below);
  }
}

function perform(model: Model, index: EntryIndex, next: Step): void {
  switch (next.kind) {
    case 'add': {
      const { origin, sequence, segment, offset } = model.add(next.origin, next.gap);
      index.add(origin, sequence, { segment, offset, size: offset * 2 });
      return;
    }
    case 'rotate':
      model.segment++;
      return;
    case 'trim': {
      const below = model.segment - next.segments;
      const before = model.entries.filter(({ segment }) => segment < below);
      model.trim(below);
      const gone = new Map(before.map(({ origin, sequence }) => [origin, sequence]));
      const told = index.dropBelow(below);
      expect(new Map(told.map(({ origin, sequence }) => [origin, sequence]))).toEqual(gone);
      return;
    }
    case 'damage': {
      const some = model.entries.find(({ origin }) => origin === next.origin);
      if (some === undefined) return;
      model.dropThrough(some.origin, some.sequence);
      index.dropThrough(some.origin, some.sequence);
      return;
    }
  }
}

test('it finds what is in the log, and knows which segments are needed for whom', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120 }),
      fc.array(fc.nat(40), { minLength: 3, maxLength: 3 }),
      (steps, known) => {
        const model = new Model();
        const index = new EntryIndex();
        for (const next of steps) perform(model, index, next);
        for (const { origin, sequence, segment, offset } of model.entries) {
          expect(index.find(origin, sequence)).toEqual({ segment, offset, size: offset * 2 });
        }
        for (const { origin, sequence } of index.missingOf(model.versions)) {
          const first = model.entries.find((entry) => entry.origin === origin);
          expect(sequence).toBe((first?.sequence ?? model.versions[origin]! + 1) - 1);
          expect(index.find(origin, sequence)).toBeUndefined();
        }
        const versions = Object.fromEntries(origins.map((origin, i) => [origin, known[i]!]));
        const needed = model.entries
          .filter(({ origin, sequence }) => sequence > versions[origin]!)
          .map(({ segment }) => segment);
        expect(index.neededFrom(versions)).toBe(Math.min(...needed, Number.POSITIVE_INFINITY));
      },
    ),
  );
});

test('an origin that went on behind a snapshot cannot be read up to there', () => {
  const index = new EntryIndex();
  index.add('aa', 1, { segment: 1, offset: 0, size: 8 });
  expect(index.missingOf({ aa: 50 })).toEqual([{ origin: 'aa', sequence: 50 }]);
  index.add('aa', 51, { segment: 2, offset: 0, size: 8 });
  expect(index.find('aa', 1)).toBeUndefined();
  expect(index.missingOf({ aa: 51 })).toEqual([{ origin: 'aa', sequence: 50 }]);
});
