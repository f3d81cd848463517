/**
 * Memory for request bodies that is used again: a body of a few megabytes is a few hundred fresh pages
 * otherwise, every time, and garbage afterwards.
 *
 * A room is taken for a body that has begun to arrive. Only a few may be arriving at a time, so that stalled
 * uploads cannot pile up rooms. Only who knows that nobody holds a body any more may give its memory back.
 */

/** Smaller bodies are cheap, larger ones rare. */
const roomSizeMin = 128 * 1024;
const roomSize = 4 * 1024 * 1024;
const spareRoomsMax = 4;
const arrivingMax = 8;

export class BodyRooms {
  readonly #spare: ArrayBuffer[] = [];
  /** Rooms that are given out; those that never come back are garbage. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #arrivingCount = 0;

  /**
   * Memory for a body of this size, holding anything; to be followed by one `arrived`. Undefined = the body
   * is not worth a room, or too many are arriving.
   */
  take(size: number): Buffer | undefined {
    if (size < roomSizeMin || size > roomSize || this.#arrivingCount >= arrivingMax) {
      return undefined;
    }
    const room = this.#spare.pop() ?? new ArrayBuffer(roomSize);
    this.#lent.add(room);
    this.#arrivingCount++;
    return Buffer.from(room, 0, size);
  }

  /** The body of a room is complete, or will never be. */
  arrived(): void {
    this.#arrivingCount--;
  }

  /** The memory of `body` may be overwritten from now on. Nothing happens to one that is not from here. */
  giveBack(body: Buffer): void {
    const { buffer } = body;
    if (!this.#lent.delete(buffer) || this.#spare.length >= spareRoomsMax) return;
    this.#spare.push(buffer as ArrayBuffer);
  }
}
