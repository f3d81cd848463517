/**
 * House rules that no linter knows. Each rule is a list that must be empty, so that a failure names
 * the file and the line.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const lineCountMax = 400;

/** Folders of src that may touch the world: the real environment and the homes of vendors. */
const worldHomes = /^src\/(env\/node|sqlite|rpc|http)\//;

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

function readSources(folder: string): SourceFile[] {
  if (!existsSync(root + folder)) return [];
  return readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .map((name) => `${folder}/${name}`)
    .sort()
    .map((path) => ({ path, text: readFileSync(root + path, 'utf8') }));
}

const product = [...readSources('src'), ...readSources('cmd'), ...readSources('client')];
const everything = [
  ...product,
  ...readSources('test'),
  ...readSources('bench'),
  ...readSources('scripts'),
  ...readSources('examples'),
];

function findLines({ path, text }: SourceFile, pattern: RegExp): string[] {
  return text
    .split('\n')
    .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : []));
}

const worldGlobals = new Set([
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'fetch',
  'process',
  'crypto',
  'console',
]);

function isNameOfMember(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isTypeReferenceNode(parent)) return true;
  const named = parent as ts.Node & { name?: ts.Node; propertyName?: ts.Node };
  return named.name === node || named.propertyName === node;
}

/** Uses of time, chance, timers and the process; names in comments and strings do not count. */
function findWorldUses({ path, text }: SourceFile): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const isChance = ts.isPropertyAccessExpression(node) && node.getText(source) === 'Math.random';
    const isGlobal = ts.isIdentifier(node) && worldGlobals.has(node.text) && !isNameOfMember(node);
    if (isChance || isGlobal) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push(`${path}:${line + 1}: ${node.getText(source)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

test('the world comes in as a value: no time, chance, timers or process in src', () => {
  const bound = product.filter(({ path }) => path.startsWith('src/') && !worldHomes.test(path));
  expect(bound.flatMap(findWorldUses)).toEqual([]);
});

test('the search for uses of the world finds what it looks for', () => {
  const text = 'const a = Math.random();\nconst b = x.Date;\nnew Date(); // process\n';
  expect(findWorldUses({ path: 'p.ts', text })).toEqual(['p.ts:1: Math.random', 'p.ts:3: Date']);
});

test('every source file opens with a header comment', () => {
  expect(
    everything.filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text)).map((f) => f.path),
  ).toEqual([]);
});

test('no file of the product is longer than the limit', () => {
  const long = product.filter(({ text }) => text.split('\n').length - 1 > lineCountMax);
  expect(long.map((file) => file.path)).toEqual([]);
});

test('no promises to do something later', () => {
  const mark = new RegExp(
    `\\b(${['TO', 'FIX', 'X'].map((s, i) => s + ['DO', 'ME', 'XX'][i]).join('|')})\\b`,
  );
  expect(everything.flatMap((file) => findLines(file, mark))).toEqual([]);
});

test('no comment silences a checker', () => {
  const words = [
    ['biome', 'ignore'],
    ['eslint', 'disable'],
    ['depcruise', 'disable'],
    ['@ts', 'ignore'],
    ['@ts', 'expect-error'],
    ['@ts', 'nocheck'],
  ].map((pair) => pair.join('-'));
  const silenced = new RegExp(words.join('|'));
  expect(everything.flatMap((file) => findLines(file, silenced))).toEqual([]);
});

test('names say what is inside', () => {
  const vague = /(^|\/)(utils?|helpers?|common|misc|shared|stuff)([./-]|$)/;
  const managers = /(^|\/)[a-z-]*manager[./-]/;
  const bad = everything.filter(
    ({ path }) => vague.test(path) || (managers.test(path) && !path.startsWith('src/metadata/')),
  );
  expect(bad.map((file) => file.path)).toEqual([]);
});

test('relative imports name the file, with its ending', () => {
  const bare = /from '\.[^']*(?<!\.ts|\.mjs|\.json)'/;
  expect(everything.flatMap((file) => findLines(file, bare))).toEqual([]);
});
