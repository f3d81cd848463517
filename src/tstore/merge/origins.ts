/** Origins of stamps as small numbers, in the order of first sight; compared by their hex text. */

import { afterAllOrigins } from '../chunk/stamp-runs.ts';

export class Origins {
  readonly names: string[] = [];
  private readonly numbers = new Map<string, number>();

  numberOf(origin: string): number {
    let number = this.numbers.get(origin);
    if (number === undefined) {
      number = this.names.length;
      this.numbers.set(origin, number);
      this.names.push(origin);
    }
    return number;
  }

  /** Order of two numbers by what they stand for; `afterAllOrigins` is greatest. */
  compare(a: number, b: number): number {
    if (a === b) return 0;
    if (a === afterAllOrigins) return 1;
    if (b === afterAllOrigins) return -1;
    return this.names[a]! < this.names[b]! ? -1 : 1;
  }
}
