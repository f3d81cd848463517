/** Version vectors as records: origin -> sequence. */

type Versions = Readonly<Record<string, number>>;

/** The greater sequence of each origin. */
export function joinVersions(a: Versions, b: Versions): Versions {
  const joined: Record<string, number> = { ...a };
  for (const [origin, sequence] of Object.entries(b)) {
    joined[origin] = Math.max(joined[origin] ?? 0, sequence);
  }
  return joined;
}

/** Whether `a` has everything that `b` has. */
export function coversVersions(a: Versions, b: Versions): boolean {
  return Object.entries(b).every(([origin, sequence]) => (a[origin] ?? 0) >= sequence);
}
