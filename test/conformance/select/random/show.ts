/** SHOW statements at random. */

import { condition } from './clauses.ts';
import type { Dice } from './dice.ts';
import { type Subject, subjects } from './subjects.ts';

const measurements = ['cpu', 'gaps', 'many', 'dup', '/^m\\d$/', '/cpu|gaps/', 'nosuch', '/./'];
const tagged = subjects.filter(
  ({ tags, source }) => Object.keys(tags).length > 0 && source !== 'old',
);

/** Of tags only. */
function tagsOnly(dice: Dice): string {
  const { tags } = dice.pick(tagged);
  const subject: Subject = { ...tagged[0]!, numbers: [], strings: [], booleans: [], tags };
  let text = condition(dice, subject, 1);
  // Without fields there is nothing else to compare.
  for (let tries = 0; text.includes('undefined') && tries < 20; tries++)
    text = condition(dice, subject, 1);
  return text.includes('undefined') ? "host = 'a'" : text;
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
