/**
 * Keys and values of JSON in its plain form, straight between bytes and bytes: no text, no object per entry. Plain is
 * `[{"Key":"..","Value":".."},...]` with `KeyBase64` and `ValueBase64` as they are needed, texts of ASCII without
 * escapes. What is not plain is left to JSON.parse, which also says what is wrong.
 */

import type { ByteList } from '../../model/key-list.ts';
import { describeBadPair } from '../../model/kv-limits.ts';

const code = (symbol: string) => symbol.charCodeAt(0);
const [quote, comma, colon, backslash, equals] = [
  code('"'),
  code(','),
  code(':'),
  code('\\'),
  code('='),
] as const;
const [openList, closeList, openItem, closeItem] = [
  code('['),
  code(']'),
  code('{'),
  code('}'),
] as const;
const space = 0x20;
const firstBeyondAscii = 0x80;

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const digitCodes = Uint8Array.from(digits, code);
/** Of both alphabets; -1 = no digit. */
const digitValues = new Int8Array(256).fill(-1);
for (let value = 0; value < 64; value++) digitValues[digitCodes[value]!] = value;
digitValues[code('-')] = 62;
digitValues[code('_')] = 63;

const names = ['Key', 'KeyBase64', 'Value', 'ValueBase64'].map((name) =>
  Uint8Array.from(name, code),
) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
const [keyName, keyBase64Name, valueName, valueBase64Name] = names;

/** Strings one behind the other, with room for all there can be. */
class Strings {
  readonly bytes: Uint8Array;
  ends = new Uint32Array(256);
  count = 0;
  size = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** What was written behind the last one is one more. */
  close(end: number): void {
    if (this.count === this.ends.length) {
      const grown = new Uint32Array(this.count * 2);
      grown.set(this.ends);
      this.ends = grown;
    }
    this.ends[this.count++] = end;
    this.size = end;
  }

  take(): ByteList {
    return { bytes: this.bytes.subarray(0, this.size), ends: this.ends.subarray(0, this.count) };
  }
}

class PlainScan {
  readonly #body: Uint8Array;
  readonly #isPut: boolean;
  readonly keys: Strings;
  readonly values: Strings;
  #at = 0;

  constructor(body: Uint8Array, isPut: boolean) {
    this.#body = body;
    this.#isPut = isPut;
    this.keys = new Strings(body.length);
    this.values = new Strings(isPut ? body.length : 0);
  }

  /** False: it is not plain, or an entry is wrong. */
  run(): boolean {
    if (!this.#take(openList)) return false;
    do {
      if (!this.#item()) return false;
    } while (this.#take(comma));
    return this.#take(closeList) && this.#next() === -1;
  }

  /** Spaces are left out; -1 = the end. */
  #next(): number {
    const body = this.#body;
    let at = this.#at;
    for (; at < body.length; at++) {
      const byte = body[at]!;
      if (byte !== space && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    }
    this.#at = at;
    return at < body.length ? body[at]! : -1;
  }

  #take(byte: number): boolean {
    if (this.#next() !== byte) return false;
    this.#at++;
    return true;
  }

  #item(): boolean {
    const { keys, values } = this;
    const before = keys.count;
    if (this.#isPut || this.#next() === openItem) {
      if (!this.#take(openItem) || !this.#field()) return false;
      if (this.#isPut && !(this.#take(comma) && this.#field())) return false;
      if (!this.#take(closeItem)) return false;
    } else if (!this.#string(keys, false)) return false;
    if (keys.count !== before + 1 || (this.#isPut && values.count !== keys.count)) return false;
    return describeBadPair(lastSize(keys), this.#isPut ? lastSize(values) : 0) === undefined;
  }

  #field(): boolean {
    if (!this.#take(quote)) return false;
    if (this.#isName(keyName)) return this.#take(colon) && this.#string(this.keys, false);
    if (this.#isName(keyBase64Name)) return this.#take(colon) && this.#string(this.keys, true);
    if (!this.#isPut) return false;
    if (this.#isName(valueName)) return this.#take(colon) && this.#string(this.values, false);
    if (this.#isName(valueBase64Name)) return this.#take(colon) && this.#string(this.values, true);
    return false;
  }

  /** Steps behind the name and its quote. */
  #isName(name: Uint8Array): boolean {
    const body = this.#body;
    const at = this.#at;
    if (body[at + name.length] !== quote) return false;
    for (let i = 0; i < name.length; i++) if (body[at + i] !== name[i]) return false;
    this.#at = at + name.length + 1;
    return true;
  }

  #string(to: Strings, isBase64: boolean): boolean {
    if (!this.#take(quote)) return false;
    const end = isBase64 ? this.#base64(to) : this.#text(to);
    if (end < 0) return false;
    to.close(end);
    return true;
  }

  /** Where it ends in the target; -1 = not plain. */
  #text({ bytes, size }: Strings): number {
    const body = this.#body;
    let at = this.#at;
    let end = size;
    for (; at < body.length; at++) {
      const byte = body[at]!;
      if (byte === quote) {
        this.#at = at + 1;
        return end;
      }
      if (byte < space || byte >= firstBeyondAscii || byte === backslash) return -1;
      bytes[end++] = byte;
    }
    return -1;
  }

  #base64({ bytes, size }: Strings): number {
    const body = this.#body;
    let at = this.#at;
    let end = size;
    let bits = 0;
    let count = 0;
    for (; at < body.length; at++) {
      const value = digitValues[body[at]!]!;
      if (value < 0) break;
      bits = (bits << 6) | value;
      if ((++count & 3) !== 0) continue;
      bytes[end] = bits >>> 16;
      bytes[end + 1] = (bits >>> 8) & 255;
      bytes[end + 2] = bits & 255;
      end += 3;
      bits = 0;
    }
    const rest = count & 3;
    if (rest === 1) return -1;
    if (rest === 2) bytes[end++] = bits >>> 4;
    if (rest === 3) {
      bytes[end++] = bits >>> 10;
      bytes[end++] = (bits >>> 2) & 255;
    }
    for (let pads = 0; pads < 2 && body[at] === equals; pads++) at++;
    if (body[at] !== quote) return -1;
    this.#at = at + 1;
    return end;
  }
}

function lastSize({ ends, count }: Strings): number {
  return ends[count - 1]! - (count === 1 ? 0 : ends[count - 2]!);
}

/** Keys with their values, or (not `isPut`) keys alone; undefined = it is not plain, or an entry is wrong. */
export function readPlainItems(
  body: Uint8Array,
  isPut: boolean,
): { readonly keys: ByteList; readonly values: ByteList } | undefined {
  const scan = new PlainScan(body, isPut);
  if (!scan.run()) return undefined;
  const { keys, values } = scan;
  const none = { bytes: new Uint8Array(0), ends: new Uint32Array(keys.count) };
  return { keys: keys.take(), values: isPut ? values.take() : none };
}

/** Whether all of it may stand in a JSON string as it is. */
export function isPlainText(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < space || byte >= firstBeyondAscii || byte === quote || byte === backslash) {
      return false;
    }
  }
  return true;
}

export function base64Size(size: number): number {
  return Math.ceil(size / 3) * 4;
}

/** Writes `base64Size` bytes, padded. */
export function writeBase64(bytes: Uint8Array, target: Uint8Array, to: number): void {
  const whole = bytes.length - (bytes.length % 3);
  let end = to;
  for (let i = 0; i < whole; i += 3) {
    const bits = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    target[end] = digitCodes[bits >>> 18]!;
    target[end + 1] = digitCodes[(bits >>> 12) & 63]!;
    target[end + 2] = digitCodes[(bits >>> 6) & 63]!;
    target[end + 3] = digitCodes[bits & 63]!;
    end += 4;
  }
  if (whole === bytes.length) return;
  const bits = (bytes[whole]! << 16) | ((bytes[whole + 1] ?? 0) << 8);
  target[end] = digitCodes[bits >>> 18]!;
  target[end + 1] = digitCodes[(bits >>> 12) & 63]!;
  target[end + 2] = whole + 1 < bytes.length ? digitCodes[(bits >>> 6) & 63]! : equals;
  target[end + 3] = equals;
}
