/** Values of a group as one string: groups sort by it. */
export function groupKey(group: readonly string[]): string {
  return group.length === 1 ? group[0]! : group.join('\0');
}
