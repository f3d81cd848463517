/** A series without a tag has it as the empty string in conditions and groups, but null as a column. */

import type { Column } from '../../model/column.ts';

export function emptyTagsAsNull(column: Column | undefined): Column | undefined {
  if (column?.type !== 'string') return column;
  const empty = column.dictionary.indexOf('');
  if (empty < 0) return column;
  const { codes, dictionary } = column;
  const valid = new Uint8Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    const isThere = column.valid === undefined || column.valid[i] === 1;
    valid[i] = isThere && dictionary[code] !== '' ? 1 : 0;
  }
  return { type: 'string', codes, dictionary, valid };
}
