/**
 * A destination of subscriptions as a process of its own: `node sink-process.ts PORT FILE` takes POST /write,
 * appends the body to the file, syncs, and answers 204. What is in the file was delivered.
 *
 * Its answers can be told on the command line, as more arguments: `status=500` answers so and keeps nothing.
 */

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';

const [port = '0', file = '', ...options] = process.argv.slice(2);
const status = Number(options.find((option) => option.startsWith('status='))?.slice(7) ?? 204);
const handle = openSync(file, 'a');
// What a kill in the middle of a write left of a line must not run into the next one.
writeSync(handle, '\n');

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    if (request.method !== 'POST') {
      response.writeHead(200).end();
      return;
    }
    if (status === 204) {
      writeSync(handle, Buffer.concat(parts));
      fsyncSync(handle);
    }
    response.writeHead(status).end();
  });
});
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  closeSync(handle);
});
