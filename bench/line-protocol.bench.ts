/**
 * Parsing and splitting of TSBS rows, next to the npm package `influx-line-protocol-parser` on the same
 * bytes in the same run. Arguments: [integer|float] [bodies]
 */

import { createRequire } from 'node:module';
import { BatchSplitter } from '../src/broker/split/split.ts';
import { LineParser } from '../src/lineprotocol/lineprotocol.ts';
import { tsbsBodies, tsbsDay } from './tsbs/tsbs-cpu.ts';

const npmParser = createRequire(import.meta.url)('influx-line-protocol-parser') as {
  parse(line: string): unknown;
};
const [, , kind = 'integer', bodyArgument = '40'] = process.argv;
const rowsPerBody = 5_000;
const sliceSize = 1024 * 1024;
const rounds = 5;
const rows = Number(bodyArgument) * rowsPerBody;
const bodies = [...tsbsBodies({ ...tsbsDay, rows, float: kind === 'float' }, rowsPerBody)];
const bytes = bodies.reduce((sum, body) => sum + body.length, 0);

interface Times {
  parse: number;
  split: number;
  frameBytes: number;
}

const parser = new LineParser();
const splitter = new BatchSplitter();

function runOurs(): Times {
  const times = { parse: 0, split: 0, frameBytes: 0 };
  for (const body of bodies) {
    for (let from = 0; from < body.length; ) {
      const start = performance.now();
      const options = { database: 'benchmark', precision: 'ns', nowNs: 0n } as const;
      const slice = parser.parse(body, { ...options, from, sizeMax: sliceSize });
      const parsed = performance.now();
      const accepts = new Uint8Array(slice.fields.length).fill(1);
      const ids = { dbId: '0000000000000001', rpId: '0000000000000001' };
      const { frames } = splitter.split(slice, { shardCount: 16, ...ids, accepts });
      times.split += performance.now() - parsed;
      times.parse += parsed - start;
      for (const { frame } of frames) times.frameBytes += frame.length;
      from = slice.next;
    }
  }
  return times;
}

function runNpm(): number {
  const start = performance.now();
  for (const line of bodies[0]!.toString('latin1').split('\n')) {
    if (line !== '') npmParser.parse(line);
  }
  return ((performance.now() - start) * 1_000) / rowsPerBody;
}

const perRow = (ms: number): number => (ms * 1_000) / rows;
console.log(`${rows} rows, ${(bytes / rows).toFixed(0)} bytes each (${kind})`);
let best = Number.POSITIVE_INFINITY;
for (let round = 1; round <= rounds; round++) {
  const { parse, split, frameBytes } = runOurs();
  best = Math.min(best, perRow(parse));
  const frame = (frameBytes / rows).toFixed(0);
  console.log(
    `parse ${perRow(parse).toFixed(3)} µs/row, split ${perRow(split).toFixed(3)} µs/row, frames ${frame} bytes/row`,
  );
}
const npm = Math.min(runNpm(), runNpm(), runNpm());
console.log(
  `npm parser ${npm.toFixed(3)} µs/row: ours parses ${(npm / best).toFixed(1)} times as fast`,
);
