/**
 * Regular expressions that are lists of texts in disguise, such as `^(a|b)$`: what dashboards make of a choice of
 * several values. They need no look at every text.
 */

const literal = String.raw`(?:[^\\^$.|?*+()[\]{}]|\\[!-/:-@[-${'`'}{-~])`;
const listed = new RegExp(
  `^\\^(?:(${literal}+)|\\((?:\\?:)?(${literal}+(?:\\|${literal}+)*)\\))\\$$`,
  'u',
);

/** The texts that an anchored pattern matches, none of them empty; undefined = the pattern says more. */
export function literalsOf(pattern: string): readonly string[] | undefined {
  const found = listed.exec(pattern);
  if (found === null) return undefined;
  const [, single, several] = found;
  const texts = single === undefined ? splitAlternatives(several ?? '') : [single];
  return texts.map((text) => text.replaceAll(/\\(.)/gu, '$1'));
}

/** At each bar that is no escaped one. */
function splitAlternatives(several: string): string[] {
  return several.match(/(?:\\.|[^|\\])+/gu) ?? [];
}
