/**
 * Memory for request bodies that is used again: a body of a few megabytes is a few hundred fresh pages
 * otherwise, every time, and garbage afterwards.
 *
 * Only who knows that nobody holds a body any more may give its memory back.
 */

/** Smaller bodies are cheap, larger ones rare. */
const roomSizeMin = 128 * 1024;
const roomSize = 4 * 1024 * 1024;
const spareRoomsMax = 4;

export class BodyRooms {
  readonly #spare: ArrayBuffer[] = [];
  /** Rooms that are given out; those that never come back are garbage. */
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** The parts end to end. */
  join(parts: readonly Buffer[], size: number): Buffer {
    if (parts.length === 1) return parts[0]!;
    if (size < roomSizeMin || size > roomSize) return Buffer.concat(parts, size);
    const room = this.#spare.pop() ?? new ArrayBuffer(roomSize);
    this.#lent.add(room);
    const body = Buffer.from(room, 0, size);
    let at = 0;
    for (const part of parts) {
      body.set(part, at);
      at += part.length;
    }
    return body;
  }

  /** The memory of `body` may be overwritten from now on. Nothing happens to one that is not from here. */
  giveBack(body: Buffer): void {
    const { buffer } = body;
    if (!this.#lent.delete(buffer) || this.#spare.length >= spareRoomsMax) return;
    this.#spare.push(buffer as ArrayBuffer);
  }
}
