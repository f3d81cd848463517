/**
 * Subscriptions as followers of the log: each destination of ALL, and all destinations of ANY together, is a
 * tail of its own, with a cursor per shard in the metadata store.
 */

import type { TailPosition, TailRule } from '../model/log-tail.ts';
import type { AdminView, Subscription } from './admin-view.ts';
import { parseRecord, renderRecord } from './catalog-records.ts';
import type { CatalogView } from './catalog-view.ts';
import { cursorsOfSubscription, cursorsPrefix } from './meta-keys.ts';
import type { MetaRecord, MetaStore } from './meta-store.ts';

export interface SubscriptionTail extends TailRule {
  readonly subscription: Subscription;
  readonly database: string;
  readonly policy: string;
  /** URLs, one for ALL. */
  readonly destinations: readonly string[];
}

/** `sinceMs` of a subscription's tails is so much before its creation: clocks of nodes differ. */
export function listTails(
  { databases }: CatalogView,
  admin: AdminView,
  clockSlackMs: number,
): SubscriptionTail[] {
  return databases.flatMap(({ id: dbId, name: database, policies }) =>
    admin.subscriptions(dbId).flatMap((subscription) => {
      const { id, rpId, mode, destinations, createdMs } = subscription;
      const policy = policies.find((one) => one.id === rpId);
      if (policy === undefined) return [];
      const targets = mode === 'ANY' ? [destinations] : destinations.map((url) => [url]);
      const prefix = cursorsOfSubscription(dbId, rpId, id).slice(cursorsPrefix.length);
      const sinceMs = createdMs - clockSlackMs;
      const common = { dbId, rpId, sinceMs, subscription, database, policy: policy.name };
      return targets.map((urls, i) => ({ ...common, id: prefix + i, destinations: urls }));
    }),
  );
}

export function cursorKey(tail: string, shard: number): string {
  return `${cursorsPrefix}${tail}/${shard}`;
}

export function renderCursor(versions: TailPosition['versions']): string {
  return renderRecord({ versions });
}

/** Undefined: it cannot be read; the tail then begins at its first entry. */
export function readCursor(record: MetaRecord): TailPosition | undefined {
  const path = record.key.slice(cursorsPrefix.length);
  const at = path.lastIndexOf('/');
  const { versions } = parseRecord(record);
  if (typeof versions !== 'object' || versions === null) return undefined;
  const entries = Object.entries(versions).filter(([, sequence]) => Number.isInteger(sequence));
  const tail = path.slice(0, at);
  return { tail, shard: Number(path.slice(at + 1)), versions: Object.fromEntries(entries) };
}

/** Every durable cursor. @throws CitadelError `unavailable`, `corrupt`, `unsupported-version` */
export async function loadPositions(store: Pick<MetaStore, 'range'>): Promise<TailPosition[]> {
  const { records } = await store.range(cursorsPrefix);
  return records.flatMap((record) => readCursor(record) ?? []);
}
