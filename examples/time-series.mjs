/**
 * Time series: points as lines and as columns, queries piece by piece.
 *
 * Run: node examples/time-series.mjs [host:port of a node's gRPC address]
 */

import { openClient } from 'citadel/client';

const client = await openClient({ nodes: process.argv[2] ?? '127.0.0.1:7087' });
const run = async (text, options) => {
  const pieces = [];
  for await (const piece of client.query(text, options)) pieces.push(piece);
  return pieces;
};

await run('CREATE DATABASE weather');
const start = 1_700_000_000_000_000_000n;

// Line protocol, as over HTTP.
await client.write('weather', `air,city=Ulm temperature=7.5,humid=true ${start}\n`);

// Columns: no text to write, no text to read.
const hours = Array.from({ length: 24 }, (_, i) => BigInt(i));
await client.write('weather', {
  measurement: 'air',
  tags: { city: 'Bonn' },
  times: hours.map((hour) => start + hour * 3_600_000_000_000n),
  fields: {
    temperature: Float64Array.from(hours, (hour) => 10 + Number(hour) / 2),
    gusts: hours.map((hour) => (hour % 2n === 0n ? hour * 3n : undefined)),
    sky: hours.map((hour) => (hour < 12n ? 'clear' : 'cloudy')),
  },
});

const text = 'SELECT mean(temperature), count(gusts) FROM air WHERE city = $city GROUP BY sky';
for (const piece of await run(text, { database: 'weather', params: { city: 'Bonn' } })) {
  for (const row of piece.rows()) console.log(row.mean, row.count);
}
const warm = await run('SELECT temperature, sky FROM air WHERE temperature > 21', {
  database: 'weather',
});
for (const piece of warm) {
  for (const row of piece.rows()) console.log(row.time - start, row.temperature, row.sky);
}

try {
  await run('SELECT nonsense(temperature) FROM air', { database: 'weather' });
} catch (error) {
  console.log(`${error.code}: ${error.message}`);
}
client.close();
