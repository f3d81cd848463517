/** Backslashes in names and tags. String values have rules of their own (row-store.ts). */

const backslash = 0x5c;

/** Removes each backslash that stands before one of `specials`; the same bytes when there is none. */
export function removeEscapes(bytes: Uint8Array, specials: ReadonlySet<number>): Uint8Array {
  if (!bytes.includes(backslash)) return bytes;
  const out = new Uint8Array(bytes.length);
  let size = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === backslash && i + 1 < bytes.length && specials.has(bytes[i + 1]!)) i++;
    out[size++] = bytes[i]!;
  }
  return out.subarray(0, size);
}
