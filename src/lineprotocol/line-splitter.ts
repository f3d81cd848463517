/**
 * Where a line ends, exactly as InfluxDB decides it: at a line feed, unless that is inside a quoted
 * string value. Quotes count only after the first space that no backslash hides (leading ones too),
 * and only when more `=` than `,` were seen since. A backslash hides the next byte.
 */

const lineFeed = 0x0a;
const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const equals = 0x3d;
const backslash = 0x5c;

/** Index of the line feed that ends the line at `from`, or `body.length`. */
export function findLineEnd(body: Uint8Array, from: number): number {
  const size = body.length;
  let inFields = false;
  let quoted = false;
  let balance = 0;
  let at = from;
  while (at < size) {
    const byte = body[at]!;
    if (byte === backslash && at + 2 < size) {
      at += 2;
      continue;
    }
    if (byte === lineFeed && !quoted) return at;
    if (byte === space) inFields = true;
    else if (inFields && byte === equals && !quoted) balance++;
    else if (inFields && byte === comma && !quoted) balance--;
    else if (inFields && byte === quote && balance > 0) quoted = !quoted;
    at++;
  }
  return size;
}
