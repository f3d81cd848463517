/** fill(linear): a value on the line between two windows, x counted in windows. */

import type { FieldType } from '../../model/field-type.ts';

export interface Gap {
  /** Numbers of the windows before and after. */
  readonly from: number;
  readonly until: number;
  readonly before: number | bigint;
  readonly after: number | bigint;
}

function toInteger(value: number): number | bigint {
  const whole = Math.trunc(value) + 0;
  return Number.isSafeInteger(whole) ? whole : BigInt(whole);
}

export function interpolate(type: FieldType, window: number, gap: Gap): number | bigint {
  const rise =
    typeof gap.before === 'bigint' || typeof gap.after === 'bigint'
      ? Number(BigInt(gap.after) - BigInt(gap.before))
      : gap.after - gap.before;
  const slope = rise / (gap.until - gap.from);
  const value = slope * (window - gap.from) + Number(gap.before);
  return type === 'float' ? value : toInteger(value);
}
