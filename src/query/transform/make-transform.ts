/** The transformation of each function. */

import { InvariantError } from '../../base/errors.ts';
import { nsPerSecond } from '../../model/time.ts';
import type { Value } from '../columns/column-builder.ts';
import type { CallPlan, SelectPlan } from '../compile/select-plan.ts';
import { Derivative, Difference, Elapsed } from './differences.ts';
import {
  DoubleAverage,
  ExponentialAverage,
  type Indicator,
  RelativeStrength,
  SmoothedMomentum,
  TripleAverage,
  TripleDerivative,
  type Warmup,
} from './exponential.ts';
import { HoltWinters } from './holt-winters.ts';
import { AdaptiveAverage, EfficiencyRatio, Momentum } from './momentum.ts';
import type { EmitRow, RowTransform } from './row-transform.ts';
import { CumulativeSum, Integral, MovingAverage } from './running.ts';

/** Lets the first rows pass in silence: as many as asked for, else until the indicator is warm. */
class Technical implements RowTransform {
  readonly #indicator: Indicator;
  #hold: number;

  constructor(indicator: Indicator, hold: number | undefined) {
    this.#indicator = indicator;
    this.#hold = hold === undefined || hold < 0 ? indicator.warmCount : hold;
  }

  add(time: bigint, value: Value, emit: EmitRow): void {
    const result = this.#indicator.add(Number(value));
    if (this.#hold > 0) this.#hold--;
    else if (Math.abs(result) !== Number.POSITIVE_INFINITY) emit(time, result);
  }
}

function makeIndicator({ fn, args, mode }: CallPlan): Indicator | undefined {
  const period = args[0] ?? 1;
  const warmup: Warmup = mode === 'simple' ? 'simple' : 'exponential';
  switch (fn) {
    case 'exponential_moving_average':
      return new ExponentialAverage(period, warmup);
    case 'double_exponential_moving_average':
      return new DoubleAverage(period, warmup);
    case 'triple_exponential_moving_average':
      return new TripleAverage(period, warmup);
    case 'triple_exponential_derivative':
      return new TripleDerivative(period, warmup);
    case 'relative_strength_index':
      return new RelativeStrength(period, warmup);
    case 'kaufmans_efficiency_ratio':
      return new EfficiencyRatio(period);
    case 'kaufmans_adaptive_moving_average':
      return new AdaptiveAverage(period);
    case 'chande_momentum_oscillator':
      return mode === undefined || mode === 'none'
        ? new Momentum(period)
        : new SmoothedMomentum(period, warmup);
    default:
      return undefined;
  }
}

const secondNs = Number(nsPerSecond);

export function makeTransform(call: CallPlan, plan: SelectPlan): RowTransform {
  const { fn, args } = call;
  const { windows, descending } = plan;
  const isFloat = (call.inner?.type ?? call.variable.type) === 'float';
  const nonNegative = fn.startsWith('non_negative_');
  switch (fn) {
    case 'derivative':
    case 'non_negative_derivative': {
      const unitNs = args[0] ?? Number(windows?.intervalNs ?? nsPerSecond);
      return new Derivative({ isFloat, unitNs, nonNegative, descending });
    }
    case 'difference':
    case 'non_negative_difference':
      return new Difference(isFloat, nonNegative);
    case 'elapsed':
      return new Elapsed(BigInt(args[0] ?? 1));
    case 'cumulative_sum':
      return new CumulativeSum(isFloat);
    case 'moving_average':
      return new MovingAverage(isFloat, args[0] ?? 1);
    case 'integral': {
      // InfluxDB gives an area of floats the time 0 whatever the range.
      const timeNs = isFloat ? 0n : (plan.lowerBound ?? 0n);
      return new Integral({ unitNs: args[0] ?? secondNs, windows, descending, timeNs });
    }
    case 'holt_winters':
    case 'holt_winters_with_fit':
      return new HoltWinters({
        horizon: args[0] ?? 1,
        season: args[1] ?? 0,
        withFit: fn === 'holt_winters_with_fit',
        intervalNs: windows?.intervalNs ?? 1n,
      });
    default: {
      const indicator = makeIndicator(call);
      if (indicator === undefined) throw new InvariantError(`function ${fn} has a transformation`);
      return new Technical(indicator, args[1]);
    }
  }
}
