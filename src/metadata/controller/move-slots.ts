/** How many moves go on at once: a node fills up one replica and empties one at a time, a cluster a few. */

import type { ShardRecord } from '../../model/cluster.ts';

export const movesMax = 4;

export class MoveSlots {
  readonly #learners = new Set<string>();
  readonly #leavers = new Set<string>();
  readonly #surplus: number;
  #learning = 0;
  #leaving = 0;

  /** `records`: of all kinds; `surplus`: how many have a member too many, and none leaving yet. */
  constructor(records: Iterable<ShardRecord>, surplus: number) {
    this.#surplus = surplus;
    for (const { learner, leaving } of records) {
      if (learner !== undefined) {
        this.#learners.add(learner);
        this.#learning++;
      }
      if (leaving !== undefined) {
        this.#leavers.add(leaving);
        this.#leaving++;
      }
    }
  }

  isFreeForLearning(node: string): boolean {
    const underWay = this.#learning + this.#leaving + this.#surplus;
    return underWay < movesMax && !this.#learners.has(node);
  }

  /** For one more learner on each, at once. */
  hasRoomFor(nodes: readonly string[]): boolean {
    const underWay = this.#learning + this.#leaving + this.#surplus;
    const areFree = nodes.every((node) => this.isFreeForLearning(node));
    return areFree && underWay + nodes.length <= movesMax;
  }

  takeForLearning(node: string): boolean {
    if (!this.isFreeForLearning(node)) return false;
    this.#learners.add(node);
    this.#learning++;
    return true;
  }

  /** A move that has come so far is finished before others begin. */
  takeForLeaving(node: string): boolean {
    if (this.#leaving >= movesMax || this.#leavers.has(node)) return false;
    this.#leavers.add(node);
    this.#leaving++;
    return true;
  }
}
