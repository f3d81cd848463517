/**
 * MetaStore: the little that the whole cluster must agree on, as revisioned keys, after etcd's model.
 *
 * Two implementations, etcd and embedded, pass one suite (test/contract/meta-store.test.ts).
 * Every transaction that changes something gets the next revision of the one global counter; a record
 * remembers the revision that created it, the last that changed it, and how often it was written since it
 * was created. Keys are printable ASCII (meta-keys.ts encodes names), so text order is byte order.
 *
 * Errors: `unavailable` when the store cannot be reached or cannot make a change durable (whether it
 * happened is then unknown), `invalid-argument` for a transaction that no store would take.
 */

/** More operations in one branch, or more comparisons, are refused. The limit of an etcd server. */
export const transactionSizeMax = 128;

export interface MetaRecord {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Writes since it was created, from 1. */
  readonly version: number;
  /** '' = none. */
  readonly lease: string;
}

/** An absent key has version, create and mod revision 0. */
export interface MetaCompare {
  readonly key: string;
  readonly target: 'version' | 'create' | 'mod';
  readonly op: '=' | '!=' | '<' | '>';
  readonly value: number;
}

/** A key that a transaction puts may not be put again or deleted by it. */
export type MetaOp =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly lease?: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'delete-prefix'; readonly prefix: string }
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'range'; readonly prefix: string };

export interface MetaTransaction {
  /** All must hold for `onSuccess`; otherwise `onFailure` is done. */
  readonly compare: readonly MetaCompare[];
  readonly onSuccess: readonly MetaOp[];
  readonly onFailure?: readonly MetaOp[];
}

/** Per operation of the branch taken: records read (get, range), or how many keys it deleted or wrote. */
export interface MetaOpResult {
  readonly records: readonly MetaRecord[];
  readonly changed: number;
}

export interface MetaTransactionResult {
  readonly succeeded: boolean;
  /** Of the store after the transaction; raised by it only if it changed something. */
  readonly revision: number;
  readonly results: readonly MetaOpResult[];
}

export interface MetaRange {
  /** Of the store when it was read: watching from `revision + 1` misses nothing. */
  readonly revision: number;
  /** Sorted by key. */
  readonly records: readonly MetaRecord[];
}

export type MetaChange =
  | { readonly kind: 'put'; readonly record: MetaRecord }
  | { readonly kind: 'delete'; readonly key: string };

/**
 * `changes`: all changes of one revision under the prefix, sorted by key; revisions ascend.
 * `compacted`: history below `revision` is gone; the watch has ended: read the range and watch anew.
 */
export type WatchNotice =
  | { readonly kind: 'changes'; readonly revision: number; readonly changes: readonly MetaChange[] }
  | { readonly kind: 'compacted'; readonly revision: number };

export interface MetaWatch {
  /** No notice comes after this returns. */
  close(): void;
}

export interface MetaLease {
  readonly id: string;
  readonly ttlMs: number;
}

export interface MetaStore {
  get(key: string): Promise<MetaRecord | undefined>;
  /** Everything whose key begins with the prefix, at one revision. */
  range(prefix: string): Promise<MetaRange>;
  transaction(transaction: MetaTransaction): Promise<MetaTransactionResult>;
  /**
   * Every change under the prefix from a revision on, past ones first. The listener is never called before
   * `watch` has returned, and must not throw.
   */
  watch(prefix: string, fromRevision: number, listener: (notice: WatchNotice) => void): MetaWatch;
  /** Keys put with the lease go when it has not been kept alive for its TTL. */
  grantLease(ttlMs: number): Promise<MetaLease>;
  /** @throws CitadelError `not-found` when the lease has ended: its keys are gone. */
  keepLeaseAlive(id: string): Promise<void>;
  /** Ends the lease and deletes its keys. Idempotent. */
  revokeLease(id: string): Promise<void>;
  /** Watches end without a notice. */
  close(): Promise<void>;
}

/** The key does not exist. */
export function isAbsent(key: string): MetaCompare {
  return { key, target: 'version', op: '=', value: 0 };
}

/** The key is as it was when `record` was read; absent if that is undefined. */
export function isUnchanged(key: string, record: MetaRecord | undefined): MetaCompare {
  return { key, target: 'mod', op: '=', value: record?.modRevision ?? 0 };
}

function targetOf(record: MetaRecord | undefined, target: MetaCompare['target']): number {
  if (record === undefined) return 0;
  switch (target) {
    case 'version':
      return record.version;
    case 'create':
      return record.createRevision;
    case 'mod':
      return record.modRevision;
  }
}

/** Whether a comparison holds for the record of its key. */
export function compareHolds(compare: MetaCompare, record: MetaRecord | undefined): boolean {
  const actual = targetOf(record, compare.target);
  switch (compare.op) {
    case '=':
      return actual === compare.value;
    case '!=':
      return actual !== compare.value;
    case '<':
      return actual < compare.value;
    case '>':
      return actual > compare.value;
  }
}
