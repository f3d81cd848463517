/**
 * Keys and values: single calls, batches, lists.
 *
 * Run: node examples/keys-and-values.mjs [host:port of a node's gRPC address]
 */

import { openClient } from 'citadel/client';

const client = await openClient({ nodes: process.argv[2] ?? '127.0.0.1:7087' });
const fruit = client.table('fruit');

await fruit.put('apple', 'red');
await fruit.put('lime', 'green');
console.log('apple:', await fruit.getText('apple'));
console.log('plum:', await fruit.getText('plum'));

// Calls of one turn travel as one batch.
await Promise.all(['banana', 'cherry', 'grape'].map((name, i) => fruit.put(name, `basket ${i}`)));

// Many at once.
await fruit.putAll(Array.from({ length: 3000 }, (_, i) => [`seed${i}`, `${i * i}`]));
const squares = await fruit.getAll(['seed12', 'no such seed', 'seed2999']);
console.log(
  'squares:',
  squares.map((value) => value && Buffer.from(value).toString()),
);

// In order of the keys, as many as are wanted, in bounded memory.
let count = 0;
for await (const { key } of fruit.list({ prefix: 'seed' })) if (key.length > 0) count++;
console.log('seeds:', count);
for await (const { key, value } of fruit.list({ from: 'b', until: 'h' })) {
  console.log(`${Buffer.from(key)} = ${Buffer.from(value)}`);
}

// A bulk load keeps several batches under way, and waits when the cluster falls behind.
const writer = fruit.writer({ consistency: 'quorum' });
for (let i = 0; i < 10_000; i++) await writer.put(`pip${i}`, 'pip');
await writer.flush();
await fruit.deleteAll(['apple', 'lime']);
console.log('apple:', await fruit.getText('apple'));

client.close();
