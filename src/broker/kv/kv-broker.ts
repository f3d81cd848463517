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

export class KvBroker implements KeyValues {
  readonly #parts: BrokerParts;
  readonly #setUp: KvSetUp;

  constructor(parts: BrokerParts) {
    const route = { ...parts.route, kind: 'kstore' as const, marks: new AckedMarks() };
    this.#parts = { ...parts, route };
    this.#setUp = new KvSetUp(this.#parts);
  }

  async write(batch: KvBatch): Promise<KvWriteReport> {
    await this.#setUp.ensure();
    return writeBatch(this.#parts, batch);
  }

  async get(
    table: string,
    keys: ByteList,
    level: ReadLevel,
    signal: AbortSignal,
  ): Promise<KvAnswer> {
    if (!(await this.#setUp.isDone())) throw tableNotFound(table);
    return getValues(this.#parts, table, keys, level, signal);
  }

  async list(request: KvListRequest): Promise<AsyncGenerator<KvRowsBlock>> {
    if (!(await this.#setUp.isDone())) throw tableNotFound(request.table);
    return listKeys(this.#parts, request);
  }
}
