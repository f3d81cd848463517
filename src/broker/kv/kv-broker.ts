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
import { listKeys } from './list-keys.ts';
import { getValues } from './read-keys.ts';
import { writeBatch } from './write-keys.ts';

export class KvBroker implements KeyValues {
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    const route = { ...parts.route, kind: 'kstore' as const, marks: new AckedMarks() };
    this.#parts = { ...parts, route };
  }

  write(batch: KvBatch): Promise<KvWriteReport> {
    return writeBatch(this.#parts, batch);
  }

  get(table: string, keys: ByteList, level: ReadLevel, signal: AbortSignal): Promise<KvAnswer> {
    return getValues(this.#parts, table, keys, level, signal);
  }

  list(request: KvListRequest): Promise<AsyncGenerator<KvRowsBlock>> {
    return listKeys(this.#parts, request);
  }
}
