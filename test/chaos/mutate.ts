/**
 * Spoils queries and line protocol: seeded, so that a seed printed by a failure gives the same input
 * again. Inputs stay small; how large inputs fare is tested elsewhere.
 */

import type { Rng } from '../../src/env/env.ts';
import { pickBelow } from '../../src/env/sim/sim-rng.ts';

const sizeMax = 4096;
const tokenPattern = /[A-Za-z_][\w]*|[0-9]+(?:\.[0-9]+)?|\s+|'[^']*'|"[^"]*"|[^\sA-Za-z0-9_]/gu;

const oddTexts = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808i',
  '18446744073709551616u',
  '1e309',
  '-0',
  '5e-324',
  '1.7976931348623157e308',
  'NaN',
  'Inf',
  '""',
  "''",
  '"a b"',
  '//',
  '/.*/',
  '/(a|b)+$/',
  '/[/',
  'now()',
  "'1677-09-21T00:12:43.145224194Z'",
  "'2262-04-11T23:47:16.854775806Z'",
  'time(1ns)',
  'time(1w,-1h)',
  'fill(linear)',
  'fill(0)',
  '::field',
  '::tag',
  '*',
  '(((((((((',
  ')))))))))',
  ';',
  ';;',
  '-- c',
  '/* c */',
  '$p',
  'ORDER BY time DESC',
  'LIMIT 9223372036854775807',
  'OFFSET 18446744073709551615',
  'SLIMIT 0',
  "tz('Europe/Berlin')",
  'INTO "x"."y".:MEASUREMENT',
  '\u0000',
  '\ud83d\ude00',
  '\u202e',
  '\\',
  '\\,',
  '\\=',
  '\\ ',
  '\n',
  '\r\n',
  '\t',
  '# ',
  ',',
  '=',
  '"',
  "'",
] as const;

export function pickFrom<T>(rng: Rng, list: readonly T[]): T {
  return list[pickBelow(rng, list.length)]!;
}

function splitTokens(text: string): string[] {
  return text.match(tokenPattern) ?? [];
}

type Mutation = (text: string, rng: Rng, corpus: readonly string[]) => string;

/** A change between two places of the text. */
function splice(text: string, rng: Rng, put: (cut: string) => string): string {
  const from = pickBelow(rng, text.length + 1);
  const until = Math.min(text.length, from + pickBelow(rng, 8));
  return text.slice(0, from) + put(text.slice(from, until)) + text.slice(until);
}

const mutations: readonly Mutation[] = [
  // Characters.
  (text, rng) => splice(text, rng, () => ''),
  (text, rng) => splice(text, rng, (cut) => cut + cut),
  (text, rng) => splice(text, rng, () => String.fromCharCode(pickBelow(rng, 256))),
  (text, rng) => splice(text, rng, () => String.fromCharCode(pickBelow(rng, 65_536))),
  (text, rng) => splice(text, rng, () => pickFrom(rng, oddTexts)),
  (text, rng) => splice(text, rng, () => ` ${pickFrom(rng, oddTexts)} `),
  (text, rng) => text.slice(0, pickBelow(rng, text.length + 1)),
  // Tokens.
  (text, rng) => {
    const tokens = splitTokens(text);
    tokens.splice(pickBelow(rng, tokens.length + 1), 1 + pickBelow(rng, 2));
    return tokens.join('');
  },
  (text, rng) => {
    const tokens = splitTokens(text);
    const a = pickBelow(rng, tokens.length + 1);
    const b = pickBelow(rng, tokens.length + 1);
    [tokens[a], tokens[b]] = [tokens[b] ?? '', tokens[a] ?? ''];
    return tokens.join('');
  },
  (text, rng) => {
    const tokens = splitTokens(text);
    tokens[pickBelow(rng, tokens.length + 1)] = pickFrom(rng, oddTexts);
    return tokens.join('');
  },
  (text, rng, corpus) => {
    const tokens = splitTokens(text);
    const others = splitTokens(pickFrom(rng, corpus));
    const from = pickBelow(rng, others.length + 1);
    const grafted = others.slice(from, from + 1 + pickBelow(rng, 6));
    tokens.splice(pickBelow(rng, tokens.length + 1), pickBelow(rng, 4), ...grafted);
    return tokens.join('');
  },
  // Several.
  (text, rng, corpus) => `${text};${pickFrom(rng, corpus)}`,
  (text, rng, corpus) => `${text}\n${pickFrom(rng, corpus)}`,
  (text, rng) => `SELECT ${pickFrom(rng, ['*', 'max(v)', 'v', 'count(*)'])} FROM (${text})`,
];

/** One to five changes to a member of the corpus; none in one of eight. */
export function mutateText(rng: Rng, corpus: readonly string[]): string {
  let text = pickFrom(rng, corpus);
  if (pickBelow(rng, 8) === 0) return text;
  for (let left = 1 + pickBelow(rng, 5); left > 0; left--) {
    text = pickFrom(rng, mutations)(text, rng, corpus).slice(0, sizeMax);
  }
  return text;
}

/** The same for bytes: some of the results are no UTF-8. */
export function mutateBytes(rng: Rng, corpus: readonly string[]): Uint8Array {
  const bytes = Buffer.from(mutateText(rng, corpus));
  if (bytes.length === 0 || pickBelow(rng, 3) > 0) return bytes;
  for (let left = 1 + pickBelow(rng, 4); left > 0; left--) {
    bytes[pickBelow(rng, bytes.length)] = pickBelow(rng, 256);
  }
  return bytes;
}
