/**
 * Canonical series key: unescaped measurement and tags, tags sorted by key bytes.
 *
 * Layout: u16le size + bytes of the measurement, then per tag u16le size + key, u16le size + value.
 * Two lines mean the same series if and only if these bytes are equal. Escaped text exists only at the edges.
 */

export interface SeriesName {
  readonly measurement: string;
  /** Sorted by the UTF-8 bytes of the key. */
  readonly tags: readonly (readonly [key: string, value: string])[];
}
