/** The network between nodes, clients and the metadata store: delays, loses, repeats and reorders; partitions in one or both directions. */

import type { World } from './world.ts';

export interface NetworkMood {
  /** Share of messages lost. */
  readonly loss: number;
  readonly repeats: number;
  /** Share of messages that are late, by up to `lateMs`. */
  readonly late: number;
  readonly lateMs: number;
}

export class Network {
  readonly #world: World;
  readonly #mood: NetworkMood;
  /** Undefined: everyone reaches everyone. */
  partition: ((from: string, to: string) => boolean) | undefined;
  isHealed = false;
  /** Further delay of a direction, for schedules made by hand. */
  slowness: (from: string, to: string) => number = () => 0;

  constructor(world: World, mood: NetworkMood) {
    this.#world = world;
    this.#mood = mood;
  }

  reaches(from: string, to: string): boolean {
    return this.partition === undefined || this.partition(from, to);
  }

  send(from: string, to: string, deliver: () => void): void {
    const world = this.#world;
    const { loss, repeats, late, lateMs } = this.#mood;
    if (!this.reaches(from, to)) return;
    if (!this.isHealed && loss > 0 && world.chance(loss)) return;
    const delay =
      world.between(0.3, 4) +
      (world.chance(late) ? world.random() * lateMs : 0) +
      this.slowness(from, to);
    const arrive = () => {
      if (this.reaches(from, to)) deliver();
    };
    world.after(delay, arrive);
    if (world.chance(repeats)) world.after(delay + world.random() * 200, arrive);
  }
}
