/**
 * Reads every key back, by lists and by its name, and compares contents with the pattern: a key that was deleted last
 * must be absent both ways.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { ask, describeError, makeUrl } from '../client/http.ts';
import { Progress } from '../client/progress.ts';
import { Servers } from '../client/servers.ts';
import { KeyComparison, type KeyFinding, type KeyFindingKind } from './compare-keys.ts';
import type { Journal } from './journal.ts';
import { keyOf, prefixOf } from './key-pattern.ts';
import type { CheckerOptions } from './options.ts';

const listLimit = '5000';
const readKeysMax = 1_000;
const checksMax = 4;
const triesMax = 10;
const backoffMs = 200;
/** Findings shown of each kind; the totals count all. */
const shownMax = 20;
const json = { 'Content-Type': 'application/json' };

interface Item {
  readonly KeyBase64: string;
  readonly ValueBase64?: string;
  readonly Value?: null;
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

class KeyCheck {
  readonly options: CheckerOptions;
  readonly totals = new Map<KeyFindingKind, number>();
  readonly #servers: Servers;
  readonly #acknowledged: Uint8Array | undefined;
  seriesDone = 0;
  keysBeyond = 0;
  lostAcknowledged = 0;
  errors = 0;
  note: (message: string) => void = () => undefined;

  constructor(options: CheckerOptions, journal: Journal) {
    const { count, series, urls } = options;
    this.options = options;
    this.#servers = new Servers(urls);
    this.#acknowledged = journal.readAcknowledged(count * series, series);
  }

  get knowsAcknowledged(): boolean {
    return this.#acknowledged !== undefined;
  }

  async checkAll(): Promise<void> {
    let next = 0;
    const work = async () => {
      while (next < this.options.series) await this.#checkSeries(next++);
    };
    await Promise.all(Array.from({ length: checksMax }, work));
  }

  async #checkSeries(series: number): Promise<void> {
    const comparison = new KeyComparison(series, this.options.count);
    await this.#list(series, comparison);
    for (let from = 0; from < this.options.count; from += readKeysMax) {
      await this.#read(series, from, comparison);
    }
    for (const finding of comparison.finish()) this.#report(finding);
    this.keysBeyond += comparison.beyondCount;
    this.seriesDone += 1;
  }

  async #list(series: number, comparison: KeyComparison): Promise<void> {
    const prefix = prefixOf(series).toString('base64');
    for (let cursor: string | null = ''; cursor !== null; ) {
      const params = {
        table: this.options.table,
        encoding: 'base64',
        prefix,
        limit: listLimit,
        cursor,
      };
      const text = await this.#ask('/kv/list', params, undefined);
      const page = JSON.parse(text) as { items: Item[]; cursor: string | null };
      for (const { KeyBase64, ValueBase64 = '' } of page.items) {
        comparison.addListed(bytesOf(KeyBase64), bytesOf(ValueBase64));
      }
      cursor = page.cursor;
    }
  }

  async #read(series: number, from: number, comparison: KeyComparison): Promise<void> {
    const count = Math.min(readKeysMax, this.options.count - from);
    const keys = Array.from({ length: count }, (_, i) => keyOf(series, from + i));
    const body = JSON.stringify(keys.map((key) => ({ KeyBase64: key.toString('base64') })));
    const params = { table: this.options.table, encoding: 'base64' };
    const items = JSON.parse(await this.#ask('/kv/get', params, body)) as Item[];
    for (let i = 0; i < count; i++) {
      const { ValueBase64 } = items[i] ?? {};
      comparison.addRead(from + i, ValueBase64 === undefined ? undefined : bytesOf(ValueBase64));
    }
  }

  /** The text of an answer 200 of any server. @throws Error after enough tries */
  async #ask(
    path: string,
    params: Readonly<Record<string, string>>,
    body: string | undefined,
  ): Promise<string> {
    for (let tries = 1; ; tries++) {
      const server = this.#servers.current();
      try {
        const request =
          body === undefined
            ? ({ method: 'GET' } as const)
            : ({ method: 'POST', headers: json, body } as const);
        const { status, text } = await ask(makeUrl(server, path, params), request);
        if (status === 200) return text;
        throw new Error(`HTTP ${status} ${text.trim().slice(0, 200)}`);
      } catch (error) {
        this.errors += 1;
        if (this.errors <= shownMax) this.note(`error ${server}: ${describeError(error)}`);
        this.#servers.moveOn(server);
        if (tries >= Math.max(triesMax, 2 * this.#servers.count)) throw error;
        await sleep(backoffMs * tries);
      }
    }
  }

  #report(finding: KeyFinding): void {
    const { kind, series, index, text } = finding;
    const total = (this.totals.get(kind) ?? 0) + 1;
    this.totals.set(kind, total);
    const known = index >= 0 && index < this.options.count ? this.#acknowledged : undefined;
    const wasAcknowledged = known?.[index * this.options.series + series] === 1;
    if (wasAcknowledged) this.lostAcknowledged += 1;
    const told =
      known === undefined ? '' : ` (${wasAcknowledged ? 'acknowledged' : 'never acknowledged'})`;
    if (total <= shownMax) {
      process.stdout.write(`${kind}: series ${series} index ${index}: ${text}${told}\n`);
    }
  }

  renderVerdict(): string {
    const { count, series } = this.options;
    const of = (kind: KeyFindingKind) => this.totals.get(kind) ?? 0;
    const wrong = of('corrupt') + of('outdated') + of('unexpected');
    const beyond = this.keysBeyond > 0 ? `, ${this.keysBeyond} beyond -count` : '';
    const lost = this.knowsAcknowledged
      ? ` (${this.lostAcknowledged} findings on acknowledged keys)`
      : '';
    return `checked: ${count * series} keys, ${of('missing')} missing, ${of('returned')} came back, ${wrong} wrong, ${of('duplicate')} duplicate${lost}${beyond}`;
  }
}

/** True when every key is as it must be. */
export async function checkKstore(options: CheckerOptions, journal: Journal): Promise<boolean> {
  const check = new KeyCheck(options, journal);
  const progress = new Progress(
    () => `${check.seriesDone}/${options.series} series checked, ${check.errors} errors`,
  );
  check.note = (message) => progress.note(message);
  try {
    await check.checkAll();
  } catch (error) {
    const urls = options.urls.join(', ');
    process.stderr.write(`ctchecker: cannot read from ${urls}: ${describeError(error)}\n`);
    return false;
  } finally {
    progress.stop();
  }
  process.stdout.write(`${check.renderVerdict()}\n`);
  return check.totals.size === 0;
}
