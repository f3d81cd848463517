/**
 * The exact reader's scanners: where the sections, tags and values of one line lie, and what is wrong
 * with it, in InfluxDB's words. Byte for byte the behaviour of its reader, oddities included (they are
 * listed at each place); it builds nothing.
 *
 * A line is `[start, end)` of a body, leading whitespace and the final line feed cut. Positions are
 * indices into the body. A scanner returns -1 and leaves the reason in `reason` when the line is refused.
 */

const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const equals = 0x3d;
const backslash = 0x5c;

export const keySizeMax = 65_535;
/** A float this long may be out of range although it has no exponent. */
const floatSizeUnchecked = 25;
const integerSizeUnchecked = 19;
const int64Max = 9_223_372_036_854_775_807n;
const int64Min = -9_223_372_036_854_775_808n;

export function skipWhitespace(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === space || bytes[at] === 0x09 || bytes[at] === 0)) at++;
  return at;
}

function isNumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2e;
}

/** What `strconv.ParseInt(text, 10, 64)` says, undefined when it is content. `text` = `[-]digits` or less. */
export function integerFault(text: string): string | undefined {
  if (!/^-?\d+$/.test(text)) return `strconv.ParseInt: parsing "${text}": invalid syntax`;
  const value = BigInt(text);
  if (value <= int64Max && value >= int64Min) return undefined;
  return `strconv.ParseInt: parsing "${text}": value out of range`;
}

function ascii(bytes: Uint8Array, from: number, until: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, until - from).toString('latin1');
}

const booleans: ReadonlySet<string> = new Set(
  't T true True TRUE f F false False FALSE'.split(' '),
);

export class ExactScan {
  bytes: Uint8Array = new Uint8Array(0);
  end = 0;
  reason = '';
  /** Four positions a tag: key start, key end, value start, value end. */
  tags: number[] = [];
  measurementEnd = 0;

  begin(bytes: Uint8Array, end: number): void {
    this.bytes = bytes;
    this.end = end;
    this.tags = [];
  }

  private refuse(reason: string): -1 {
    this.reason = reason;
    return -1;
  }

  /** Only the byte in front decides, so `\\,` hides the comma as well. */
  private isHidden(at: number): boolean {
    return this.bytes[at - 1] === backslash;
  }

  /** Measurement and tags; returns the index of the space behind them. */
  scanSection(start: number): number {
    const { bytes, end } = this;
    if (start >= end || bytes[start] === comma) return this.refuse('missing measurement');
    let at = start + 1;
    for (; at < end; at++) {
      if ((bytes[at] === comma || bytes[at] === space) && !this.isHidden(at)) break;
    }
    if (at >= end) return this.refuse('missing fields');
    this.measurementEnd = at;
    if (bytes[at] === space) return at;
    return this.scanTags(at + 1);
  }

  private scanTags(start: number): number {
    let at = start;
    for (;;) {
      const keyEnd = this.scanTagKey(at);
      if (keyEnd < 0) return -1;
      const valueEnd = this.scanTagValue(keyEnd + 1);
      if (valueEnd < 0) return -1;
      this.tags.push(at, keyEnd, keyEnd + 1, valueEnd);
      if (this.bytes[valueEnd] === space) return valueEnd;
      at = valueEnd + 1;
    }
  }

  private scanTagKey(start: number): number {
    const { bytes, end } = this;
    const first = bytes[start];
    if (start >= end || first === space || first === comma || first === equals) {
      return this.refuse('missing tag key');
    }
    for (let at = start + 1; at < end; at++) {
      if (this.isHidden(at)) continue;
      if (bytes[at] === equals) return at;
      if (bytes[at] === space || bytes[at] === comma) break;
    }
    return this.refuse('missing tag value');
  }

  /** The first byte may be `=`: only later ones are looked at. */
  private scanTagValue(start: number): number {
    const { bytes, end } = this;
    if (start >= end || bytes[start] === comma || bytes[start] === space) {
      return this.refuse('missing tag value');
    }
    for (let at = start + 1; at < end; at++) {
      if (this.isHidden(at)) continue;
      if (bytes[at] === equals) return this.refuse('invalid tag format');
      if (bytes[at] === comma || bytes[at] === space) return at;
    }
    return this.refuse('missing fields');
  }

  /** All fields; returns the index of the space behind them or the end. */
  scanFields(start: number): number {
    const { bytes, end } = this;
    let quoted = false;
    let equalsSeen = 0;
    let commasSeen = 0;
    let at = start;
    while (at < end) {
      const byte = bytes[at];
      if (byte === backslash && at + 1 < end) {
        at += 2;
        continue;
      }
      if (byte === quote && equalsSeen > commasSeen) {
        quoted = !quoted;
        at++;
        continue;
      }
      if (byte === equals && !quoted) {
        equalsSeen++;
        const next = this.scanValue(at);
        if (next < 0) return -1;
        if (next > at) {
          at = next;
          continue;
        }
      }
      if (byte === comma && !quoted) commasSeen++;
      if (byte === space && !quoted) break;
      at++;
    }
    if (quoted) return this.refuse('unbalanced quotes');
    if (equalsSeen === 0 || commasSeen !== equalsSeen - 1) {
      return this.refuse('invalid field format');
    }
    return at;
  }

  /** At an `=`: returns the end of a number or boolean behind it, or the same place for a string. */
  private scanValue(at: number): number {
    const { bytes, end } = this;
    const before = bytes[at - 1];
    if ((before === space || before === comma) && bytes[at - 2] !== backslash) {
      return this.refuse('missing field key');
    }
    if (at + 1 >= end) return this.refuse('missing field value');
    const first = bytes[at + 1]!;
    if (first === comma || first === space) return this.refuse('missing field value');
    if (isNumeric(first) || first === minus || first === 0x4e || first === 0x6e) {
      return this.scanNumber(at + 1);
    }
    return first === quote ? at : this.scanBoolean(at + 1);
  }

  private findValueEnd(start: number): number {
    let at = start;
    while (at < this.end && this.bytes[at] !== comma && this.bytes[at] !== space) at++;
    return at;
  }

  private scanBoolean(start: number): number {
    const end = this.findValueEnd(start);
    if (end - start <= 5 && booleans.has(ascii(this.bytes, start, end))) return end;
    return this.refuse('invalid boolean');
  }

  private scanNumber(start: number): number {
    const end = this.findValueEnd(start);
    const shape = this.classifyNumber(start, end);
    if (shape === 'invalid') return this.refuse('invalid number');
    const size = end - start;
    if (shape === 'integer') {
      if (size - 1 < integerSizeUnchecked) return end;
      const text = ascii(this.bytes, start, end - 1);
      const fault = integerFault(text);
      return fault === undefined ? end : this.refuse(`unable to parse integer ${text}: ${fault}`);
    }
    if (shape === 'plain' && size < floatSizeUnchecked) return end;
    const value = Number(ascii(this.bytes, start, end));
    return Number.isFinite(value) ? end : this.refuse('invalid float');
  }

  /** The shape only; `scientific` may still be no number. `u` (unsigned) is no number in any release. */
  private classifyNumber(
    start: number,
    end: number,
  ): 'invalid' | 'integer' | 'plain' | 'scientific' {
    const { bytes } = this;
    const digitsAt = bytes[start] === minus ? start + 1 : start;
    const isInteger = end > start + 1 && bytes[end - 1] === 0x69;
    const until = isInteger ? end - 1 : end;
    let points = 0;
    let scientific = false;
    for (let at = digitsAt; at < until; at++) {
      const byte = bytes[at]!;
      if (byte === 0x2e) points++;
      else if ((byte === 0x65 || byte === 0x45) && at > start) scientific = true;
      else if (byte === 0x2b || byte === minus) {
        if ((bytes[at - 1]! | 0x20) !== 0x65) return 'invalid';
      } else if (!isNumeric(byte)) return 'invalid';
    }
    if (points > 1 || until - digitsAt - points <= 0) return 'invalid';
    if (!isInteger) return scientific ? 'scientific' : 'plain';
    return scientific || points > 0 ? 'invalid' : 'integer';
  }

  /** From behind the whitespace; returns the end of the digits, the same place when there are none. */
  scanTime(start: number): number {
    const { bytes, end } = this;
    let at = start;
    if (at < end && bytes[at] === minus) at++;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === space || byte === 0x0a) break;
      if (byte < 0x30 || byte > 0x39) return this.refuse('bad timestamp');
    }
    return at;
  }

  /** Where an unescaped `=` ends a field key; the end of the fields when there is none. */
  findKeyEnd(from: number, end: number): number {
    let at = from;
    while (at < end && !(this.bytes[at] === equals && (at === from || !this.isHidden(at)))) at++;
    return at;
  }

  /** Where a field value ends: at a comma outside of quotes. Only `\"` and `\\` are skipped here. */
  findFieldValueEnd(from: number, end: number): number {
    const { bytes } = this;
    let quoted = false;
    let at = from;
    while (at < end) {
      const byte = bytes[at];
      const next = bytes[at + 1];
      if (byte === backslash && at + 1 < end && (next === quote || next === backslash)) {
        at += 2;
        continue;
      }
      if (byte === quote) quoted = !quoted;
      else if (byte === comma && !quoted) break;
      at++;
    }
    return at;
  }
}
