/** A figure that some part of the node keeps, read when somebody asks: what /metrics shows, it calls by these names. */

export interface Reading {
  readonly kind: 'counter' | 'gauge';
  /** `citadel_` goes before it, and after that of a counter `_total`. */
  readonly name: string;
  readonly help: string;
  /** Names of the labels, the same for each value. */
  readonly labelNames: readonly string[];
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}
