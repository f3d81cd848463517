/** Several servers that are as good as each other: keep to one, move to the next after an error. */

export class Servers {
  readonly #urls: readonly string[];
  #current = 0;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  get count(): number {
    return this.#urls.length;
  }

  /** The server that the next request goes to. */
  current(): string {
    return this.#urls[this.#current]!;
  }

  /** Moves on from `failed`, unless somebody else already did. */
  moveOn(failed: string): void {
    if (this.current() === failed) this.#current = (this.#current + 1) % this.#urls.length;
  }
}
