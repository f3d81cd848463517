/**
 * Goes on with a broken schema stream on another replica: rows that were delivered are left out of it.
 * Rows come in no order, so they are remembered; beyond a maximum a broken stream cannot go on.
 */

import { CitadelError } from '../../base/errors.ts';
import type { SchemaBlock } from '../../model/plan.ts';

const rowsMax = 1_000_000;

function rowKey({ measurement, keys, values }: SchemaBlock, row: number): string {
  return `${measurement}\0${keys[row]!}\0${values[row] ?? ''}`;
}

export class SchemaFilter {
  /** Until the stream breaks: nothing is hashed for streams that do not. */
  #delivered: SchemaBlock[] = [];
  #rowCount = 0;
  #known: Set<string> | undefined;

  /** @throws CitadelError `unavailable` when too much was delivered */
  restart(): void {
    if (this.#rowCount > rowsMax) {
      throw new CitadelError('unavailable', 'cannot go on: a replica failed in a large answer');
    }
    this.#known ??= new Set();
    for (const block of this.#delivered) this.#remember(block, this.#known);
    this.#delivered = [];
  }

  take(block: SchemaBlock): SchemaBlock | undefined {
    this.#rowCount += Math.max(1, block.keys.length);
    const known = this.#known;
    if (known === undefined) {
      if (this.#rowCount <= rowsMax) this.#delivered.push(block);
      else this.#delivered = [];
      return block;
    }
    const rest = this.#leaveOut(block, known);
    this.#remember(block, known);
    return rest;
  }

  /** Blocks without keys (measurements, counts) are one row. */
  #leaveOut(block: SchemaBlock, known: ReadonlySet<string>): SchemaBlock | undefined {
    if (block.keys.length === 0) return known.has(block.measurement) ? undefined : block;
    const rows = block.keys.map((_, row) => row).filter((row) => !known.has(rowKey(block, row)));
    if (rows.length === 0) return undefined;
    const pick = (list: readonly string[]) =>
      list.length === 0 ? list : rows.map((row) => list[row]!);
    return { ...block, keys: pick(block.keys), values: pick(block.values) };
  }

  #remember(block: SchemaBlock, known: Set<string>): void {
    if (block.keys.length === 0) known.add(block.measurement);
    for (let row = 0; row < block.keys.length; row++) known.add(rowKey(block, row));
  }
}
