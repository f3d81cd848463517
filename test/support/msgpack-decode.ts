/** A plain MessagePack reader for tests: integers of more than 53 bits as bigint, times as {seconds, nanos}. */

export interface MsgpackTime {
  readonly seconds: bigint;
  readonly nanos: number;
}

class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #readFloat: (value: number) => unknown;
  at = 0;

  constructor(bytes: Uint8Array, readFloat: (value: number) => unknown) {
    this.#readFloat = readFloat;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  read(): unknown {
    const code = this.#uint(1);
    if (code < 0x80) return code;
    if (code < 0x90) return this.#map(code & 15);
    if (code < 0xa0) return this.#array(code & 15);
    if (code < 0xc0) return this.#text(code & 31);
    if (code >= 0xe0) return code - 256;
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc7:
        return this.#time();
      case 0xcb:
        this.at += 8;
        return this.#readFloat(this.#view.getFloat64(this.at - 8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (code - 0xcc));
      case 0xcf:
        this.at += 8;
        return narrow(this.#view.getBigUint64(this.at - 8));
      case 0xd0:
        return (this.#uint(1) << 24) >> 24;
      case 0xd1:
        return (this.#uint(2) << 16) >> 16;
      case 0xd2:
        return this.#uint(4) | 0;
      case 0xd3:
        this.at += 8;
        return narrow(this.#view.getBigInt64(this.at - 8));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (code - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (code - 0xdc)));
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (code - 0xde)));
      default:
        throw new Error(`unexpected code 0x${code.toString(16)} at ${this.at - 1}`);
    }
  }

  #uint(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#view.getUint8(this.at++);
    return value;
  }

  #array(length: number): unknown[] {
    return Array.from({ length }, () => this.read());
  }

  #map(length: number): Record<string, unknown> {
    const entries = Array.from({ length }, () => [String(this.read()), this.read()] as const);
    return Object.fromEntries(entries);
  }

  #text(size: number): string {
    this.at += size;
    return Buffer.from(this.#bytes.subarray(this.at - size, this.at)).toString('utf8');
  }

  #time(): MsgpackTime {
    if (this.#uint(1) !== 12 || this.#uint(1) !== 5) throw new Error('not a time');
    this.at += 8;
    const seconds = this.#view.getBigInt64(this.at - 8);
    return { seconds, nanos: this.#uint(4) };
  }
}

function narrow(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** All documents of a body. `readFloat`: what stands for a float, when it must not look like an integer. */
export function decodeMsgpack(
  bytes: Uint8Array,
  readFloat: (value: number) => unknown = (value) => value,
): unknown[] {
  const reader = new Reader(bytes, readFloat);
  const documents: unknown[] = [];
  while (!reader.isAtEnd) documents.push(reader.read());
  return documents;
}
