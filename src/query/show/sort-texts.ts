/** Names and values in the order in which InfluxDB shows them, sorted so that others run in between. */

import { sortInSlices } from '../../base/sort-in-slices.ts';
import { compareText } from '../../scan/text-order.ts';
import { Pacer, type QueryContext } from '../query-context.ts';

/** What sorting a slice costs, in values that are merged or printed. */
const workPerSlice = 2_000;

/** @throws CitadelError `cancelled` */
export function sortTexts(texts: Iterable<string>, context: QueryContext): Promise<string[]> {
  const pacer = new Pacer(context);
  return sortInSlices([...texts], compareText, async () => pacer.spend(workPerSlice));
}
