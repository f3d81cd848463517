/**
 * Any number of points that are functions of their number: every type with its extremes, missing fields,
 * series by the hundreds, times to the nanosecond over half a year around 1970.
 */

import { makeRandom } from '../conformance/influxql/generate.ts';

const seriesCount = 300;
const spanNs = 180n * 86_400n * 1_000_000_000n;
const texts = ['', 'plain', 'quote " back \\', 'two\nlines', 'ünï 日本 😀', ',=# '];
const integers = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '0', '-1'];
const floats = ['0.1', '-0', '1e300', '5e-324', '123456789.125', '1'];

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)]!;
}

/** Lines [from, until) of `total`. */
export function makeMassLines(total: number, from: number, until: number): string[] {
  const lines: string[] = [];
  for (let n = from; n < until; n++) {
    const random = makeRandom(n + 1);
    const series = Math.floor(random() * seriesCount);
    const tags = `host=h${series},rack=r\\ ${series % 7}${series % 3 === 0 ? ',odd=x\\=y' : ''}`;
    const fields = [`n=${n}i`];
    if (random() < 0.8) fields.push(`f=${random() < 0.2 ? pick(floats, random) : random() * 1e6}`);
    if (random() < 0.7) {
      const isExtreme = random() < 0.2;
      fields.push(`i=${isExtreme ? pick(integers, random) : Math.floor(random() * 1e9)}i`);
    }
    if (random() < 0.5) fields.push(`s="${pick(texts, random).replace(/["\\]/g, '\\$&')}"`);
    if (random() < 0.5) fields.push(`b=${random() < 0.5}`);
    // Strictly rising, so that no point stands where another does.
    const time = (spanNs * BigInt(n)) / BigInt(total) - spanNs / 2n + BigInt(n);
    lines.push(`mass${series % 4},${tags} ${fields.join(',')} ${time}`);
  }
  return lines;
}
