/** Reads exact numbers of bytes from a stream of chunks, each into a buffer of its own. */

type Waiter = <T>(part: Promise<T>) => Promise<T>;

export class ByteStream {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #within: Waiter;
  #rest: Uint8Array = new Uint8Array();

  /** `within` wraps each wait for a chunk. */
  constructor(source: AsyncIterable<Uint8Array>, within: Waiter) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#within = within;
  }

  /** Undefined when the stream ends before. */
  async read(size: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      if (this.#rest.length === 0) {
        const next = await this.#within(this.#chunks.next());
        if (next.done === true) return undefined;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, size - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return bytes;
  }
}
