/** Numbers as Go prints them: fixed notation, and `%v`. */

/** Shortest digits that read back the same, never an exponent. */
export function formatFixed(value: number): string {
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', first = '', rest = '', exponentText = '0'] = match;
  const digits = first + rest;
  const exponent = Number(exponentText);
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  return sign + digits.padEnd(exponent + 1, '0');
}

/** Three digits after the point, as number literals are printed in statements. */
export function formatThreeDecimals(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  // Beyond 2^53 every double is whole, and toFixed would switch to an exponent at 1e21.
  if (size >= 2 ** 53) return `${sign}${BigInt(size)}.000`;
  return sign + size.toFixed(3);
}

/** `%v` of a float: an exponent of two digits at least below 1e-4 and from 1e6 on. */
export function formatGeneral(value: number): string {
  if (Object.is(value, -0)) return '-0';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return String(value);
}
