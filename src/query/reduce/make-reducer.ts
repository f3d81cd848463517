/** The reducer of each function. */

import { InvariantError } from '../../base/errors.ts';
import type { CallPlan } from '../compile/select-plan.ts';
import {
  CountReducer,
  MedianReducer,
  SpreadReducer,
  StddevReducer,
  SumReducer,
} from './number-reducers.ts';
import { PercentileReducer } from './percentile-reducer.ts';
import {
  BestRowReducer,
  DistinctReducer,
  ModeReducer,
  preferFirst,
  preferGreatest,
  preferLast,
  preferLeast,
} from './picking-reducers.ts';
import type { Reducer } from './reducer.ts';
import { BestRowsReducer, SampleReducer } from './row-set-reducers.ts';

export interface ReducerOptions {
  readonly descending: boolean;
  /** No other call stands beside it: a selector is asked for its row. */
  readonly isAlone: boolean;
}

/** `column` is where the call's argument is in the frames. */
export function makeReducer(
  call: CallPlan,
  column: number,
  { descending, isAlone }: ReducerOptions,
): Reducer {
  const type = call.variable.type ?? 'float';
  switch (call.fn) {
    case 'count':
      return new CountReducer(column);
    case 'count-distinct':
      return new DistinctReducer(column, { asCount: true, descending });
    case 'distinct':
      return new DistinctReducer(column, { asCount: false, descending });
    case 'sum':
      return new SumReducer(column, type, false);
    case 'mean':
      return new SumReducer(column, type, true);
    case 'spread':
      return new SpreadReducer(column);
    case 'stddev':
      return new StddevReducer(column);
    case 'median':
      return new MedianReducer(column);
    case 'mode':
      return new ModeReducer(column, type === 'boolean');
    case 'min':
      return new BestRowReducer(column, preferLeast);
    case 'max':
      return new BestRowReducer(column, preferGreatest);
    case 'first':
      return new BestRowReducer(column, preferFirst(type === 'boolean'));
    case 'last':
      return new BestRowReducer(column, preferLast);
    case 'percentile':
      return new PercentileReducer(column, { percent: call.args[0] ?? 0, picksRow: isAlone });
    case 'top':
    case 'bottom':
      return new BestRowsReducer(column, {
        count: call.args[0] ?? 1,
        // No other call stands beside it: the variables follow.
        keys: call.keys?.map((key) => key + 1),
        greatest: call.fn === 'top',
      });
    case 'sample':
      return new SampleReducer(column, call.args[0] ?? 1);
    default:
      throw new InvariantError(`function ${call.fn} has a reducer`);
  }
}
