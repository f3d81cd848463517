/** distinct(): each value of each window becomes a row, in order of first occurrence. */

import { CitadelError } from '../../base/errors.ts';
import type { Partial } from '../../model/plan.ts';
import type { GroupWindows } from './call-column.ts';

export function expandDistinct(
  group: readonly string[],
  windows: BigInt64Array,
  partial: Extract<Partial, { fn: 'distinct' }>,
): GroupWindows {
  const { starts, values } = partial;
  const count = starts[starts.length - 1] ?? 0;
  const times = new BigInt64Array(count);
  for (let window = 0; window < windows.length; window++) {
    times.fill(windows[window]!, starts[window], starts[window + 1]);
  }
  if (values.valid !== undefined)
    throw new CitadelError('internal', 'distinct values are all there');
  return {
    group,
    times,
    calls: [{ values, answered: undefined }],
    extras: [],
    pickedTimes: undefined,
  };
}
