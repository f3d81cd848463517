/**
 * The records of a metadata store at one revision, and what a transaction would make of them.
 *
 * Deciding and applying are apart: the owner makes the outcome durable in between. Pure.
 */

import { checkTransaction } from '../check-transaction.ts';
import {
  compareHolds,
  type MetaChange,
  type MetaOp,
  type MetaOpResult,
  type MetaRecord,
  type MetaTransaction,
} from '../meta-store.ts';

export interface Outcome {
  readonly succeeded: boolean;
  /** The store's revision once the outcome is applied. */
  readonly revision: number;
  readonly results: readonly MetaOpResult[];
  /** Sorted by key; empty = nothing to apply. */
  readonly changes: readonly MetaChange[];
}

function compareKeys(a: MetaRecord, b: MetaRecord): number {
  return a.key < b.key ? -1 : 1;
}

/** What a branch has changed so far, over the records before it. */
class Draft {
  readonly changes = new Map<string, MetaRecord | undefined>();
  readonly #records: ReadonlyMap<string, MetaRecord>;
  readonly #revision: number;

  constructor(records: ReadonlyMap<string, MetaRecord>, revision: number) {
    this.#records = records;
    this.#revision = revision;
  }

  get(key: string): MetaRecord | undefined {
    return this.changes.has(key) ? this.changes.get(key) : this.#records.get(key);
  }

  range(prefix: string): MetaRecord[] {
    const found: MetaRecord[] = [];
    for (const [key, record] of this.#records) {
      if (key.startsWith(prefix) && !this.changes.has(key)) found.push(record);
    }
    for (const [key, record] of this.changes) {
      if (record !== undefined && key.startsWith(prefix)) found.push(record);
    }
    return found.sort(compareKeys);
  }

  put(key: string, value: string, lease: string): void {
    const before = this.get(key);
    this.changes.set(key, {
      key,
      value,
      createRevision: before?.createRevision ?? this.#revision,
      modRevision: this.#revision,
      version: (before?.version ?? 0) + 1,
      lease,
    });
  }

  /** How many keys went. */
  delete(keys: readonly string[]): number {
    let count = 0;
    for (const key of keys) {
      if (this.get(key) === undefined) continue;
      this.changes.set(key, undefined);
      count++;
    }
    return count;
  }
}

function run(draft: Draft, op: MetaOp): MetaOpResult {
  switch (op.kind) {
    case 'get': {
      const record = draft.get(op.key);
      return { records: record === undefined ? [] : [record], changed: 0 };
    }
    case 'range':
      return { records: draft.range(op.prefix), changed: 0 };
    case 'put':
      draft.put(op.key, op.value, op.lease ?? '');
      return { records: [], changed: 1 };
    case 'delete':
      return { records: [], changed: draft.delete([op.key]) };
    case 'delete-prefix': {
      const keys = draft.range(op.prefix).map((record) => record.key);
      return { records: [], changed: draft.delete(keys) };
    }
  }
}

export class MetaState {
  readonly #records = new Map<string, MetaRecord>();
  #revision: number;

  constructor(revision: number, records: readonly MetaRecord[]) {
    this.#revision = revision;
    for (const record of records) this.#records.set(record.key, record);
  }

  get revision(): number {
    return this.#revision;
  }

  get(key: string): MetaRecord | undefined {
    return this.#records.get(key);
  }

  /** Sorted by key. */
  range(prefix: string): readonly MetaRecord[] {
    return new Draft(this.#records, 0).range(prefix);
  }

  keysOfLease(lease: string): readonly string[] {
    return [...this.#records.values()].filter((r) => r.lease === lease).map((r) => r.key);
  }

  /** @throws CitadelError `invalid-argument` when no store would take it. */
  decide(transaction: MetaTransaction): Outcome {
    checkTransaction(transaction);
    const succeeded = transaction.compare.every((compare) =>
      compareHolds(compare, this.#records.get(compare.key)),
    );
    const ops = succeeded ? transaction.onSuccess : (transaction.onFailure ?? []);
    const draft = new Draft(this.#records, this.#revision + 1);
    const results = ops.map((op) => run(draft, op));
    const changes = [...draft.changes]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, record]): MetaChange => {
        return record === undefined ? { kind: 'delete', key } : { kind: 'put', record };
      });
    const revision = this.#revision + (changes.length > 0 ? 1 : 0);
    return { succeeded, revision, results, changes };
  }

  apply({ revision, changes }: Outcome): void {
    for (const change of changes) {
      if (change.kind === 'put') this.#records.set(change.record.key, change.record);
      else this.#records.delete(change.key);
    }
    this.#revision = revision;
  }
}
