/**
 * Which node runs a query: whoever has its owner key, which goes with that node's lease. A node counts
 * itself the owner only while its lease is valid by its own clock, and whatever it changes is guarded by the
 * key being the one it made: so a node that was paused finds its work refused.
 *
 * A query without an owner is claimed by the node whose name comes first with it, the others wait a little:
 * that spreads queries evenly. A node that is alone owns all.
 */

import { hash32 } from '../../base/hash.ts';
import { encodeText } from '../../base/text.ts';
import { encodeName } from '../../metadata/meta-keys.ts';
import { isAbsent, type MetaCompare } from '../../metadata/meta-store.ts';
import type { ServiceParts } from '../parts.ts';
import type { AgreedState } from './agreed-state.ts';
import { ownerKey, type QueryKey, renderOwner } from './records.ts';

/** For each node that comes before this one. */
const politeMs = 1_000;

interface Claim {
  readonly lease: string;
  readonly createRevision: number;
}

export class Ownership {
  readonly #parts: Pick<ServiceParts, 'env' | 'store' | 'self' | 'lease'>;
  readonly #state: AgreedState;
  readonly #claims = new Map<QueryKey, Claim>();
  /** Since when nobody has it, monotonic ms. */
  readonly #freeSinceMs = new Map<QueryKey, number>();

  constructor(parts: Pick<ServiceParts, 'env' | 'store' | 'self' | 'lease'>, state: AgreedState) {
    this.#parts = parts;
    this.#state = state;
  }

  /** By this node's own clock. */
  isOurs(query: QueryKey): boolean {
    const { lease } = this.#parts;
    if (lease === undefined) return true;
    const held = lease();
    return held !== undefined && this.#claims.get(query)?.lease === held;
  }

  /** What holds as long as this node owns it. */
  guard(query: QueryKey): readonly MetaCompare[] {
    const claim = this.#claims.get(query);
    if (claim === undefined) return [];
    return [{ key: ownerKey(query), target: 'create', op: '=', value: claim.createRevision }];
  }

  /** Claims the query if it is free. Resolves with whether it is ours. @throws CitadelError `unavailable` */
  async claim(query: QueryKey): Promise<boolean> {
    const { lease, env, store, self } = this.#parts;
    if (lease === undefined) return true;
    const held = lease();
    if (held === undefined) return false;
    const owner = this.#state.owners.get(query);
    if (owner !== undefined) {
      this.#freeSinceMs.delete(query);
      if (owner.record.lease !== held) this.#claims.delete(query);
      else this.#note(query, held, owner.record.createRevision);
      return this.isOurs(query);
    }
    const nowMs = env.clock.monotonicMs();
    const sinceMs = this.#freeSinceMs.get(query) ?? nowMs;
    this.#freeSinceMs.set(query, sinceMs);
    if (nowMs - sinceMs < this.#rank(query) * politeMs) return false;
    const key = ownerKey(query);
    const { succeeded, revision } = await store.transaction({
      compare: [isAbsent(key)],
      onSuccess: [{ kind: 'put', key, value: renderOwner({ node: self }), lease: held }],
    });
    if (succeeded) this.#note(query, held, revision);
    return this.isOurs(query);
  }

  #note(query: QueryKey, lease: string, createRevision: number): void {
    if (this.#claims.get(query)?.createRevision === createRevision) return;
    this.#claims.set(query, { lease, createRevision });
    this.#freeSinceMs.delete(query);
    this.#parts.env.log.info('continuous query runs here', { query });
  }

  /** How many of the brokers come before this node. */
  #rank(query: QueryKey): number {
    const place = (node: string) => hash32(encodeText(`${query} ${node}`));
    const own = place(encodeName(this.#parts.self));
    return [...this.#state.heeded.keys()].filter((node) => place(node) < own).length;
  }
}
