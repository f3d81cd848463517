/** Keys and values over the shards of the kind `kstore`, which has a map, and marks of what was acknowledged, of its own. */

import type { ByteList } from '../../model/key-list.ts';
import type { ReadLevel } from '../../rpc/data-node-api.ts';
import type {
  KeyValues,
  KvAnswer,
  KvBatch,
  KvListRequest,
  KvRowsBlock,
  KvWriteReport,
} from '../key-values.ts';
import type { BrokerParts } from '../parts.ts';
import { AckedMarks } from '../route/acked-marks.ts';
import { KvSetUp } from './kv-set-up.ts';
import { listKeys } from './list-keys.ts';
import { getValues, tableNotFound } from './read-keys.ts';
import { writeBatch } from './write-keys.ts';

const knownTablesMax = 10_000;
const noBytes = new Uint8Array(0);

export class KvBroker implements KeyValues {
  readonly #parts: BrokerParts;
  readonly #setUp: KvSetUp;
  /** Something was written to them. */
  readonly #knownTables = new Set<string>();

  constructor(parts: BrokerParts) {
    const route = { ...parts.route, kind: 'kstore' as const, marks: new AckedMarks() };
    this.#parts = { ...parts, route };
    this.#setUp = new KvSetUp(this.#parts);
  }

  async write(batch: KvBatch): Promise<KvWriteReport> {
    await this.#setUp.ensure();
    const report = await writeBatch(this.#parts, batch);
    if (report.error === undefined) this.#noteTable(batch.table);
    return report;
  }

  async get(
    table: string,
    keys: ByteList,
    level: ReadLevel,
    signal: AbortSignal,
  ): Promise<KvAnswer> {
    if (!(await this.#setUp.isDone())) throw tableNotFound(table);
    const answer = await getValues(this.#parts, table, keys, level, signal);
    if (!answer.hasTable) await this.#checkTable(table, level, signal);
    this.#noteTable(table);
    return answer;
  }

  async list(request: KvListRequest): Promise<AsyncGenerator<KvRowsBlock>> {
    if (!(await this.#setUp.isDone())) throw tableNotFound(request.table);
    return listKeys(this.#parts, request);
  }

  /** The shards that were asked know nothing of the table: others may. @throws CitadelError `not-found` */
  async #checkTable(table: string, level: ReadLevel, signal: AbortSignal): Promise<void> {
    if (this.#knownTables.has(table)) return;
    const nothing = { prefix: noBytes, from: noBytes, until: noBytes, limit: 1 };
    await listKeys(this.#parts, { table, level, signal, ...nothing });
  }

  /** A table is never unknown again. */
  #noteTable(table: string): void {
    if (this.#knownTables.has(table)) return;
    const [oldest] = this.#knownTables;
    if (this.#knownTables.size >= knownTablesMax && oldest !== undefined) {
      this.#knownTables.delete(oldest);
    }
    this.#knownTables.add(table);
  }
}
