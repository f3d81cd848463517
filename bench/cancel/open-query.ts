/** One query on a connection of its own, which can be left, and the number under which the server knows it. */

import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CitadelProcess } from '../../test/support/citadel-process.ts';
import { makeUrl } from '../../test/support/http-client.ts';
import { database } from './heavy-data.ts';

const pollMs = 5;
const keptSize = 2_000;

export interface OpenQuery {
  /** The end of the answer, when it is complete or broke off. */
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  leave(): void;
}

export function openQuery(server: CitadelProcess, q: string): OpenQuery {
  const url = makeUrl(server.url, '/query', { db: database, q, chunked: 'true' });
  let isOver = false;
  let leave: () => void = () => undefined;
  const ended = new Promise<string>((resolve) => {
    let tail = '';
    const finish = () => {
      isOver = true;
      resolve(tail);
    };
    const outgoing = request(url, { method: 'POST', agent: false }, (incoming) => {
      incoming.on('data', (part: Buffer) => {
        tail = (tail + part.subarray(-keptSize).toString('latin1')).slice(-keptSize);
      });
      incoming.on('end', finish);
      incoming.on('error', finish);
    });
    outgoing.on('error', finish);
    outgoing.end();
    leave = () => outgoing.destroy();
  });
  return { ended, hasEnded: () => isOver, leave: () => leave() };
}

interface QueriesAnswer {
  readonly results: readonly { readonly series: readonly { readonly values: unknown[][] }[] }[];
}

/** Undefined: it has ended already. */
export async function findRunning(
  server: CitadelProcess,
  open: OpenQuery,
): Promise<number | undefined> {
  while (!open.hasEnded()) {
    const answer = (await server.request('/query', { q: 'SHOW QUERIES' })).json() as QueriesAnswer;
    const rows = answer.results[0]?.series[0]?.values ?? [];
    const found = rows.find(([, text]) => !String(text).startsWith('SHOW QUERIES'));
    if (found !== undefined) return Number(found[0]);
    await sleep(pollMs);
  }
  return undefined;
}
