/** Breaks text into lines for a terminal. */

export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}

/** `  -name VALUE   help`, continued under the help column. */
export function renderFlag(flag: string, help: string): string[] {
  const indent = 32;
  const lines = wrapText(help, 100 - indent);
  const head = `  ${flag}`;
  if (head.length >= indent) return [head, ...lines.map((line) => ' '.repeat(indent) + line)];
  return lines.map((line, i) => (i === 0 ? head : '').padEnd(indent) + line);
}
