/**
 * Questions to a server that speaks InfluxDB 1.x: InfluxQL by POST /query, answers as chunked MessagePack,
 * which keeps integers, floats and times exact and streams whatever the size.
 */

import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, makeUrl, openRequest, readText } from '../../../client/http.ts';
import type { Servers } from '../../../client/servers.ts';
import { CommandError } from '../command-error.ts';
import { DocumentCutter, MsgpackCursor, type MsgpackValue } from './msgpack.ts';

/** Rows of one series, as they came. */
export interface SeriesPart {
  readonly name: string;
  /** All that the answer is grouped by. */
  readonly tagKeys: readonly string[];
  /** Those that the series has. */
  readonly tags: readonly (readonly [key: string, value: string])[];
  readonly columns: readonly string[];
  readonly values: readonly (readonly MsgpackValue[])[];
}

export interface SourceOptions {
  readonly servers: Servers;
  /** Authorization. */
  readonly headers: Readonly<Record<string, string>>;
  /** Rows of one series per document. */
  readonly chunkRows: number;
  readonly signal: AbortSignal;
  readonly note: (message: string) => void;
}

/** The server answered, and the answer is no: asking again does not help. */
export class QueryRefused extends CommandError {}

const chunkSizeMax = 512 * 2 ** 20;
/** A server may think long before the first row of a large measurement. */
const silenceMs = 600_000;
const triesMax = 12;
const backoffMsMax = 10_000;

interface RawSeries {
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values?: readonly (readonly MsgpackValue[])[];
}

interface RawDocument {
  readonly error?: string;
  readonly results?: readonly { readonly error?: string; readonly series?: readonly RawSeries[] }[];
}

/** Tags in one order: InfluxDB gives them in that of a hash table. */
function toPart({ name = '', tags = {}, columns, values = [] }: RawSeries): SeriesPart {
  const tagKeys = Object.keys(tags).sort();
  const all = tagKeys.map((key): [string, string] => [key, tags[key]!]);
  return { name, tagKeys, tags: all.filter(([, value]) => value !== ''), columns, values };
}

function* readDocument(bytes: Buffer): Generator<SeriesPart> {
  const document = new MsgpackCursor(bytes).read() as RawDocument;
  if (document.error !== undefined) throw new QueryRefused(document.error);
  for (const { error, series = [] } of document.results ?? []) {
    if (error !== undefined) throw new QueryRefused(error);
    for (const raw of series) yield toPart(raw);
  }
}

/** The error of an answer that is no 200, whatever its format. */
async function readRefusal(incoming: IncomingMessage): Promise<string> {
  const said = incoming.headers['x-influxdb-error'];
  const text = (await readText(incoming).catch(() => '')).trim();
  if (typeof said === 'string') return said;
  try {
    return (JSON.parse(text) as { error: string }).error;
  } catch {
    return text.slice(0, 300);
  }
}

export class Source {
  readonly #options: SourceOptions;

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  /** Where the next question goes. */
  get url(): string {
    return this.#options.servers.current();
  }

  /** All rows of a short answer; asked again while the server cannot be reached. @throws CommandError */
  async ask(query: string): Promise<SeriesPart[]> {
    return this.insist(async () => {
      const parts: SeriesPart[] = [];
      for await (const part of this.stream(query)) parts.push(part);
      return parts;
    });
  }

  /** One query by one request. @throws QueryRefused, or any error of the connection */
  async *stream(query: string): AsyncGenerator<SeriesPart> {
    const { signal, chunkRows } = this.#options;
    const form = { q: query, epoch: 'ns', chunked: 'true', chunk_size: String(chunkRows) };
    const headers = {
      ...this.#options.headers,
      'Content-Type': 'application/x-www-form-urlencoded',
      Accept: 'application/x-msgpack',
    };
    const body = new URLSearchParams(form).toString();
    const request = { method: 'POST', headers, body, timeoutMs: silenceMs, signal } as const;
    const incoming = await openRequest(makeUrl(this.url, '/query'), request);
    await this.#checkAnswer(incoming);
    const cutter = new DocumentCutter(chunkSizeMax);
    for await (const bytes of incoming) {
      for (const document of cutter.add(bytes as Buffer)) yield* readDocument(document);
    }
    if (!cutter.isBetween) throw new Error('the answer broke off');
  }

  /** `work` again after errors of the connection, on the next server and after a pause. @throws CommandError */
  async insist<T>(work: () => Promise<T>): Promise<T> {
    const { servers, signal, note } = this.#options;
    for (let tries = 1; ; tries++) {
      const { url } = this;
      try {
        return await work();
      } catch (error) {
        if (error instanceof CommandError || signal.aborted) throw error;
        const reason = describeError(error);
        if (tries >= triesMax) throw new CommandError(`cannot read from ${url}: ${reason}`);
        note(`cannot read from ${url}: ${reason}; trying again`);
        servers.moveOn(url);
        const waitMs = Math.min(backoffMsMax, 100 * 2 ** tries);
        await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #checkAnswer(incoming: IncomingMessage): Promise<void> {
    const status = incoming.statusCode ?? 0;
    if (status === 200) {
      const type = incoming.headers['content-type'] ?? '';
      if (type.startsWith('application/x-msgpack')) return;
      incoming.destroy();
      throw new QueryRefused(
        `${this.url} has no MessagePack answers: InfluxDB 1.4 or newer is needed`,
      );
    }
    const reason = await readRefusal(incoming);
    if (status >= 500) throw new Error(`HTTP ${status} ${reason}`);
    const hint = status === 401 ? '; say who with -user and -password-file' : '';
    throw new QueryRefused(`${this.url} refuses the query (${status}): ${reason}${hint}`);
  }
}
