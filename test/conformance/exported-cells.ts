/** Everything a database holds, as comparable text, from either server. */

import type { HttpResponse } from '../support/http-client.ts';
import { readAnswer, sortCells } from './stored-points.ts';

interface Server {
  request(
    path: string,
    params?: Readonly<Record<string, string | undefined>>,
  ): Promise<HttpResponse>;
}

const everything = 'SELECT * FROM /.*/ GROUP BY *; SHOW FIELD KEYS';

/** One line per cell, sorted; of one retention policy, '' = the default. */
export async function exportCells(server: Server, db: string, rp = ''): Promise<string[]> {
  const answer = await server.request('/query', { db, rp, q: everything, epoch: 'ns' });
  return sortCells(readAnswer(answer.text()));
}
