/** The reads of keys of a node. */

import { CitadelError } from '../../base/errors.ts';
import type { KvReads } from '../../rpc/data-node-api.ts';
import type { ReadRoute } from '../route/read-route.ts';

/** @throws CitadelError `unavailable` */
export function readsOf(route: ReadRoute, node: string): KvReads {
  const { kv } = route.nodeOf(node);
  if (kv !== undefined) return kv;
  throw new CitadelError('unavailable', `node ${node} serves no key-value shards`);
}
