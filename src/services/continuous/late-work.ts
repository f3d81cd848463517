/** Which late marks an owner may work on: those whose rows are stored, or whose maker is gone. */

import type { Clock } from '../../env/env.ts';
import type { AgreedState, Known } from './agreed-state.ts';
import type { LateMark, QueryKey } from './records.ts';

/** Rows of a broker that is gone may still be on their way for so long. */
const orphanMs = 15_000;

/** Since when the makers of open marks are gone. */
export class OrphanWatch {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #goneSinceMs = new Map<string, number>();

  constructor({ env }: { readonly env: { readonly clock: Pick<Clock, 'monotonicMs'> } }) {
    this.#clock = env.clock;
  }

  /** How long the maker of the mark is known to be gone, ms. */
  goneFor(mark: string): number {
    const nowMs = this.#clock.monotonicMs();
    const sinceMs = this.#goneSinceMs.get(mark) ?? nowMs;
    this.#goneSinceMs.set(mark, sinceMs);
    return nowMs - sinceMs;
  }

  /** Forgets all others. */
  keep(marks: ReadonlySet<string>): void {
    this.#goneSinceMs = new Map([...this.#goneSinceMs].filter(([mark]) => marks.has(mark)));
  }
}

/**
 * `life`: incarnation of the only broker there is; what another life of it began has ended. Undefined = a
 * cluster: its brokers are those that heed.
 */
export function findDueMarks(
  { late, heeded }: AgreedState,
  query: QueryKey,
  orphans: OrphanWatch,
  life: string | undefined,
): readonly Known<LateMark>[] {
  const own = [...late].filter(([name]) => name.startsWith(`${query}/`));
  orphans.keep(new Set(own.map(([name]) => name)));
  const due = own.filter(([name, { value }]) => {
    if (!value.isOpen) return true;
    if (life !== undefined) return value.incarnation !== life;
    const node = name.split('/')[2] ?? '';
    const isAlive = heeded.get(node)?.value.incarnation === value.incarnation;
    return !isAlive && orphans.goneFor(name) >= orphanMs;
  });
  return due.map(([, known]) => known);
}
