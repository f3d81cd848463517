/** Plain tables for a terminal: columns as wide as they must be, numbers to the right. */

export type TableCell = string | number;

const gap = '  ';

export function renderTable(
  head: readonly string[],
  rows: readonly (readonly TableCell[])[],
): string {
  const texts = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...texts.map((row) => row[column]!.length)));
  const isNumber = head.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const lines = texts.map((row) =>
    row
      .map((text, i) => (isNumber[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
      .join(gap)
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.5 MiB` */
export function renderBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Enough of a uuid to tell nodes apart. */
export function shortId(uuid: string): string {
  return uuid.slice(0, 8);
}
