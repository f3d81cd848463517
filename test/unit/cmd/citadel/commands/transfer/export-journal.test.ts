/** An export that breaks off: wherever that is, going on gives the file that an unbroken one would have given. */

import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { ExportJournal } from '../../../../../../cmd/citadel/commands/transfer/export-journal.ts';
import { Output } from '../../../../../../cmd/citadel/commands/transfer/output.ts';
import { makeTempDir, removeTempDir } from '../../../../../support/temp-dir.ts';

const directory = makeTempDir('export-journal');
const nothing = { length: 0, size: 0 };
let files = 0;

afterAll(() => removeTempDir(directory));

function makePath(ending: string): string {
  files += 1;
  return join(directory, `${files}${ending}`);
}

/** A piece of the export, and whether the journal is saved behind it. */
interface Piece {
  readonly text: string;
  readonly isMarked: boolean;
}

/** Goes on with `pieces`, up to `end`; what is held then is on disk or not, as `isFlushed` says. */
async function write(path: string, pieces: readonly Piece[], end: number, isFlushed: boolean) {
  const journal = ExportJournal.open(path, 'task', false);
  const isPacked = path.endsWith('.gz');
  const output = await Output.open(path, isPacked, journal.state ?? nothing);
  for (let i = journal.state?.place.section ?? 0; i < end; i++) {
    const { text, isMarked } = pieces[i]!;
    await output.write(text);
    if (!isMarked) continue;
    const { size } = output;
    const length = await output.mark();
    const place = { section: i + 1, from: '0', width: 1 };
    journal.save({ sections: [], place, length, size, points: i + 1, unwritable: 0 });
  }
  if (end === pieces.length) {
    await output.close();
    journal.remove();
  } else {
    if (isFlushed) await output.mark();
    await output.leave();
  }
  return journal;
}

function readText(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

const anyPieces = fc.array(
  fc.record({ text: fc.string({ unit: 'grapheme', maxLength: 40 }), isMarked: fc.boolean() }),
  { minLength: 1, maxLength: 8 },
);

test.each(['', '.gz'])('broken off anywhere, twice, cut anywhere behind (%s)', async (ending) => {
  await fc.assert(
    fc.asyncProperty(
      anyPieces,
      fc.array(fc.record({ stop: fc.nat(), cut: fc.nat(), isFlushed: fc.boolean() }), {
        maxLength: 2,
      }),
      async (pieces, breaks) => {
        const path = makePath(ending);
        for (const { stop, cut, isFlushed } of breaks) {
          const { state } = await write(path, pieces, stop % pieces.length, isFlushed);
          const part = readFileSync(`${path}.part`);
          const kept = state?.length ?? 0;
          truncateSync(`${path}.part`, kept + (cut % (part.length - kept + 1)));
        }
        await write(path, pieces, pieces.length, false);
        expect(readText(path)).toBe(pieces.map(({ text }) => text).join(''));
        expect(existsSync(`${path}.part.journal`)).toBe(false);
        expect(existsSync(`${path}.part`)).toBe(false);
      },
    ),
    { numRuns: 60 },
  );
});

test.each(['', '.gz'])('every length of the file behind the journal (%s)', async (ending) => {
  const pieces = ['one\n', 'two\n', 'three\n', 'four\n'].map((text, i) => ({
    text,
    isMarked: i === 1,
  }));
  const path = makePath(ending);
  const { state } = await write(path, pieces, 3, true);
  const part = readFileSync(`${path}.part`);
  const journal = readFileSync(`${path}.part.journal`);
  expect(part.length).toBeGreaterThan(state!.length);
  for (let length = state!.length; length <= part.length; length++) {
    writeFileSync(`${path}.part`, part.subarray(0, length));
    writeFileSync(`${path}.part.journal`, journal);
    await write(path, pieces, 4, false);
    expect(readText(path)).toBe('one\ntwo\nthree\nfour\n');
  }
});

test('what cannot be gone on with is refused and left as it is, or begun anew', async () => {
  const path = makePath('');
  const pieces = ['a', 'b'].map((text) => ({ text, isMarked: true }));
  const { path: journalPath } = await write(path, pieces, 1, false);
  const journal = readFileSync(journalPath);
  const open = (task: string, restart = false) => ExportJournal.open(path, task, restart).state;
  expect(open('task')?.points).toBe(1);
  expect(() => open('other')).toThrow(/was begun with other flags; -restart begins anew/);
  truncateSync(`${path}.part`, 0);
  expect(() => open('task')).toThrow(/is shorter than its journal says; -restart begins anew/);
  appendFileSync(journalPath, 'x');
  expect(() => open('task')).toThrow(/cannot use the journal .*; -restart begins anew/);
  expect(existsSync(`${path}.part`)).toBe(true);
  // Anew: a journal that stayed would cut the new file.
  expect(open('other', true)).toBeUndefined();
  expect(existsSync(journalPath)).toBe(false);
  writeFileSync(journalPath, journal);
  rmSync(`${path}.part`);
  expect(open('other')).toBeUndefined();
  expect(existsSync(journalPath)).toBe(false);
});

test('a packed file of nothing is a packed file', async () => {
  const path = makePath('.gz');
  await write(path, [{ text: '', isMarked: false }], 1, false);
  expect(readText(path)).toBe('');
});
