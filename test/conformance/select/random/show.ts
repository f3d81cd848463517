/** SHOW statements at random. */

import { tagCondition } from './clauses.ts';
import type { Dice } from './dice.ts';
import { subjects } from './subjects.ts';

const measurements = ['cpu', 'gaps', 'many', 'dup', '/^m\\d$/', '/cpu|gaps/', 'nosuch', '/./'];
/** `t` and `b` are tags of one measurement and fields of another. */
const ambiguous: ReadonlySet<string> = new Set(['t', 'b']);

const tagged = subjects
  .filter(({ source }) => source !== 'old')
  .map(({ tags }) => ({
    tags: Object.fromEntries(Object.entries(tags).filter(([key]) => !ambiguous.has(key))),
  }))
  .filter(({ tags }) => Object.keys(tags).length > 0);

/** Of tags only, and of none whose name is a field elsewhere: the reference takes it for both. */
function tagsOnly(dice: Dice): string {
  const conditions = dice.some(tagged, 2).map(({ tags }) => tagCondition(dice, tags));
  return conditions.join(dice.pick([' AND ', ' OR ']));
}

export function showStatement(dice: Dice): string {
  const from = dice.chance(0.6) ? ` FROM ${dice.some(measurements, 2).join(', ')}` : '';
  const where = dice.chance(0.5) ? ` WHERE ${tagsOnly(dice)}` : '';
  const limit = dice.chance(0.3) ? ` LIMIT ${1 + dice.below(5)}` : '';
  const offset = dice.chance(0.2) ? ` OFFSET ${dice.below(4)}` : '';
  const rest = `${from}${where}`;
  const key = dice.pick(['= host', '!= k', 'IN (host, region, id)', '=~ /^[a-h]/', '!~ /o/']);
  return dice.pick([
    () =>
      `SHOW MEASUREMENTS${dice.chance(0.4) ? ` WITH MEASUREMENT ${dice.pick(['= cpu', '=~ /^m/', '= nosuch'])}` : ''}${where}${limit}${offset}`,
    () => `SHOW TAG KEYS${rest}${limit}${offset}`,
    () => `SHOW TAG VALUES${from} WITH KEY ${key}${where}${limit}${offset}`,
    () => `SHOW FIELD KEYS${from}${limit}${offset}`,
    () => `SHOW SERIES${rest}${limit}${offset}`,
    () => `SHOW ${dice.pick(['MEASUREMENT', 'TAG KEY'])} EXACT CARDINALITY${rest}`,
    () => `SHOW TAG VALUES EXACT CARDINALITY${from} WITH KEY ${key}`,
    () =>
      `SHOW SERIES EXACT CARDINALITY FROM ${dice.pick(['cpu', 'gaps', 'many', 'tsbs..cpu'])}${where}`,
    () => `SHOW FIELD KEY CARDINALITY${from}`,
  ])();
}
