/**
 * Goal: the network that the partition tests cut is one: a cut stops one direction and only that.
 * Method: datagrams between two hosts, as these need no answer.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Network, namespacesAvailable, openNetwork } from '../support/network-namespaces.ts';

const port = 9_000;
/** Prints `ready`, then a line for each datagram, until it is killed. */
const listen = `require('node:dgram').createSocket('udp4').on('message', (text) => console.log(String(text)))
  .bind(${port}, () => console.log('ready'))`;

/** Sends one text a few times. */
function sendTo(address: string, text: string): string {
  return `const socket = require('node:dgram').createSocket('udp4');
    for (let i = 0; i < 5; i++) socket.send('${text}', ${port}, '${address}');
    setTimeout(() => socket.close(), 50)`;
}

describe.skipIf(!namespacesAvailable)('a network of namespaces', () => {
  let network: Network;

  beforeAll(async () => {
    network = await openNetwork(['a', 'b']);
  });
  afterAll(async () => {
    await network?.close();
  });

  async function send(from: string, to: string, text: string): Promise<void> {
    const script = sendTo(network.addressOf(to), text);
    const child = spawn(...network.on(from, process.execPath, ['-e', script]));
    await once(child, 'exit');
  }

  async function startListener(host: string) {
    const child = spawn(...network.on(host, process.execPath, ['-e', listen]));
    let heard = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (part: string) => {
      heard += part;
    });
    const hears = async (text: string) => {
      while (!heard.includes(text)) await once(child.stdout, 'data');
    };
    const end = async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      return heard;
    };
    await hears('ready');
    return { hears, end };
  }

  test('a cut stops one direction, a heal ends it', async () => {
    const [onA, onB] = await Promise.all([startListener('a'), startListener('b')]);
    await network.cut('a', 'b');
    await send('a', 'b', 'lost');
    await send('b', 'a', 'other way');
    await onA.hears('other way');
    await network.heal();
    await send('a', 'b', 'healed');
    await onB.hears('healed');
    expect(await onB.end()).not.toContain('lost');
    await onA.end();
  });
});
