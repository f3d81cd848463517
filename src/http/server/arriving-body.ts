/**
 * One request body while it arrives. What was announced with its size goes straight to its place, so that
 * the parts it came in are garbage at once; anything else is kept in parts and joined.
 */

import type { BodyRooms } from './body-room.ts';

export class ArrivingBody {
  readonly #rooms: BodyRooms;
  readonly #announced: number;
  #room: Buffer | undefined;
  readonly #parts: Buffer[] = [];
  #size = 0;

  /** `announced`: the size the client promised, 0 = none. */
  constructor(rooms: BodyRooms, announced: number) {
    this.#rooms = rooms;
    this.#announced = announced;
  }

  get size(): number {
    return this.#size;
  }

  add(part: Buffer): void {
    // A room is taken when there is something to put into it, not for a promise.
    if (this.#size === 0) this.#room = this.#rooms.take(this.#announced);
    if (this.#room === undefined) this.#parts.push(part);
    else this.#room.set(part, this.#size);
    this.#size += part.length;
  }

  /** The whole body; nothing may be added afterwards. */
  finish(): Buffer {
    const room = this.#room;
    if (room !== undefined) {
      this.#rooms.arrived();
      return room.subarray(0, this.#size);
    }
    return this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#size);
  }

  /** Nobody will ask for it. */
  abandon(): void {
    if (this.#room === undefined) return;
    this.#rooms.arrived();
    this.#rooms.giveBack(this.#room);
  }
}
