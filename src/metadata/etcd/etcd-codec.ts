/** Transactions and records in the words of etcd's API. */

import type {
  ICompare,
  IEvent,
  IKeyValue,
  IRequestOp,
  IResponseOp,
  ITxnRequest,
  ITxnResponse,
} from 'etcd3';
import { CitadelError } from '../../base/errors.ts';
import type {
  MetaChange,
  MetaCompare,
  MetaOp,
  MetaOpResult,
  MetaRecord,
  MetaTransaction,
  MetaTransactionResult,
} from '../meta-store.ts';

const results = { '=': 'Equal', '!=': 'NotEqual', '<': 'Less', '>': 'Greater' } as const;

/** The first key behind all that begin with the prefix, which must not be empty. */
export function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix, 'latin1');
  end[end.length - 1]! += 1;
  return end;
}

/** Keys as seen from outside: all below one root. */
export class EtcdCodec {
  readonly #root: string;

  /** `root` ends with a slash. */
  constructor(root: string) {
    this.#root = root;
  }

  toKey(key: string): Buffer {
    return Buffer.from(this.#root + key, 'latin1');
  }

  toRange(prefix: string): { key: Buffer; range_end: Buffer } {
    return { key: this.toKey(prefix), range_end: endOfPrefix(this.#root + prefix) };
  }

  fromKey(key: Buffer): string {
    return key.toString('latin1').slice(this.#root.length);
  }

  toRecord(pair: IKeyValue): MetaRecord {
    return {
      key: this.fromKey(pair.key),
      value: pair.value.toString('utf8'),
      createRevision: Number(pair.create_revision),
      modRevision: Number(pair.mod_revision),
      version: Number(pair.version),
      lease: pair.lease === '0' ? '' : pair.lease,
    };
  }

  toChange(event: IEvent): MetaChange {
    // Lower case in etcd's protocol, whatever the typings say; a put has the zero value.
    const isDelete = String(event.type).toUpperCase() === 'DELETE';
    if (isDelete) return { kind: 'delete', key: this.fromKey(event.kv.key) };
    return { kind: 'put', record: this.toRecord(event.kv) };
  }

  toTransaction({ compare, onSuccess, onFailure = [] }: MetaTransaction): ITxnRequest {
    return {
      compare: compare.map((one) => this.#toCompare(one)),
      success: onSuccess.map((op) => this.#toOp(op)),
      failure: onFailure.map((op) => this.#toOp(op)),
    };
  }

  fromTransaction(response: ITxnResponse): MetaTransactionResult {
    return {
      succeeded: response.succeeded,
      revision: Number(response.header.revision),
      results: response.responses.map((one) => this.#fromResponse(one)),
    };
  }

  #toCompare({ key, target, op, value }: MetaCompare): ICompare {
    const common = { key: this.toKey(key), result: results[op] };
    switch (target) {
      case 'version':
        return { ...common, target: 'Version', version: value };
      case 'create':
        return { ...common, target: 'Create', create_revision: value };
      case 'mod':
        return { ...common, target: 'Mod', mod_revision: value };
    }
  }

  #toOp(op: MetaOp): IRequestOp {
    switch (op.kind) {
      case 'put': {
        const value = Buffer.from(op.value, 'utf8');
        return { request_put: { key: this.toKey(op.key), value, lease: op.lease ?? '0' } };
      }
      case 'delete':
        return { request_delete_range: { key: this.toKey(op.key) } };
      case 'delete-prefix':
        return { request_delete_range: this.toRange(op.prefix) };
      case 'get':
        return { request_range: { key: this.toKey(op.key) } };
      case 'range':
        return { request_range: { ...this.toRange(op.prefix), sort_order: 'Ascend' } };
    }
  }

  #fromResponse(response: Partial<IResponseOp>): MetaOpResult {
    const { response_range: range, response_delete_range: deleted, response_put: put } = response;
    if (range) return { records: range.kvs.map((pair) => this.toRecord(pair)), changed: 0 };
    if (deleted) return { records: [], changed: Number(deleted.deleted) };
    if (put) return { records: [], changed: 1 };
    throw new CitadelError('unavailable', 'etcd answered a transaction in part');
  }
}
