/** First-in-first-out list with cheap ends: an array and where its front is. */

/** Free room at the front is given back when it is more than this and more than half. */
const slackMax = 1_024;

export class Fifo<T> {
  #items: T[] = [];
  #front = 0;

  get length(): number {
    return this.#items.length - this.#front;
  }

  /** From the front; undefined beyond the end. */
  at(index: number): T | undefined {
    return this.#items[this.#front + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#front];
    if (item === undefined) return undefined;
    this.#front++;
    if (this.#front === this.#items.length) this.clear();
    else if (this.#front > slackMax && this.#front * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#front);
      this.#front = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#front = 0;
  }

  toArray(): T[] {
    return this.#items.slice(this.#front);
  }
}
