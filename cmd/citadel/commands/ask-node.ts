/** HTTP to a running node, with failures said in one line. */

import type { IncomingMessage } from 'node:http';
import { describeError, makeUrl, openRequest, readText } from '../../client/http.ts';
import { CommandError } from './command-error.ts';

const patienceMs = 15_000;
/** A stream may be silent while a large shard is read. */
const streamSilenceMs = 600_000;

/** A node, and who asks it. */
export interface AskedNode {
  readonly url: string;
  /** Authorization, where there is a user. */
  readonly headers: Readonly<Record<string, string>>;
}

async function open(
  { url, headers }: AskedNode,
  path: string,
  method: 'GET' | 'POST',
  timeoutMs: number,
  body?: string,
): Promise<IncomingMessage> {
  const [pathname = '', search = ''] = path.split('?', 2);
  const target = makeUrl(url, pathname, Object.fromEntries(new URLSearchParams(search)));
  let response: IncomingMessage;
  try {
    response = await openRequest(target, { method, headers, timeoutMs, ...(body && { body }) });
  } catch (error) {
    throw new CommandError(`cannot reach ${url}: ${describeError(error)}; say where with -url`);
  }
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  const text = await readText(response).catch(() => '');
  const hint = status === 401 ? '; say who with -user and -password-file' : '';
  const said = text.trim().slice(0, 300);
  throw new CommandError(`cannot ask ${url}: it answered ${status} ${said}${hint}`);
}

/** @throws CommandError */
export function getJson<T>(node: AskedNode, path: string): Promise<T> {
  return askJson(node, path, 'GET');
}

/** @throws CommandError */
export async function askJson<T>(
  node: AskedNode,
  path: string,
  method: 'GET' | 'POST',
  body?: string,
): Promise<T> {
  const response = await open(node, path, method, patienceMs, body);
  try {
    return JSON.parse(await readText(response)) as T;
  } catch (error) {
    throw new CommandError(`cannot read the answer of ${node.url}: ${describeError(error)}`);
  }
}

/** One value per line, as lines come. @throws CommandError when the stream breaks */
export async function* getJsonLines<T>(node: AskedNode, path: string): AsyncGenerator<T> {
  const response = await open(node, path, 'GET', streamSilenceMs);
  response.setEncoding('utf8');
  let rest = '';
  try {
    for await (const text of response) {
      const lines = (rest + (text as string)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as T;
    }
  } catch (error) {
    throw new CommandError(`the answer of ${node.url} broke off: ${describeError(error)}`);
  }
}
