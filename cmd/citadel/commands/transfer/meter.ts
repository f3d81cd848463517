/** How a transfer goes on, as one line: a bar on a terminal, how many, how fast, how long still. */

const barWidth = 24;

export interface Reading {
  readonly points: number;
  /** 0 to 1; undefined = nobody knows. */
  readonly share: number | undefined;
  /** ms */
  readonly elapsed: number;
  /** What was there at the start (of a resumed transfer) and cost this run no time. */
  readonly pointsBefore: number;
  readonly shareBefore: number;
  readonly isTerminal: boolean;
  readonly rest: string;
}

/** `1:02:03`, `2:03` */
export function renderSpan(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${h > 0 ? String(m).padStart(2, '0') : m}:${String(s).padStart(2, '0')}`;
  return h > 0 ? `${h}:${tail}` : tail;
}

export function renderCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

function renderBar(share: number): string {
  const full = Math.round(share * barWidth);
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] `;
}

export function renderReading(reading: Reading): string {
  const { points, share, elapsed, pointsBefore, shareBefore, isTerminal, rest } = reading;
  const seconds = Math.max(0.001, elapsed / 1000);
  const rate = Math.round((points - pointsBefore) / seconds);
  const texts = [`${renderCount(points)} points`, `${renderCount(rate)}/s`];
  if (share !== undefined) {
    texts.unshift(`${Math.floor(share * 100)} %`);
    const speed = (share - shareBefore) / seconds;
    if (speed > 0 && share < 1) texts.push(`ETA ${renderSpan((1 - share) / speed)}`);
  }
  if (rest !== '') texts.push(rest);
  return (isTerminal && share !== undefined ? renderBar(share) : '') + texts.join(', ');
}
