/** Who follows the logs of this node when it starts: known before the first of them could be trimmed. */

import { CitadelError } from '../base/errors.ts';
import type { DataNodeOptions } from '../datanode/datanode.ts';
import type { Log } from '../env/env.ts';
import type { Catalog } from '../metadata/catalog-view.ts';
import { listTails, loadPositions } from '../metadata/subscription-tails.ts';
import type { NodeConfig } from './config.ts';
import type { NodeMetadata } from './node-metadata.ts';

/** Clocks of a cluster's nodes are at most 500 ms off their median. */
const clusterSlackMs = 1_000;

export function clockSlackMs({ cluster }: NodeConfig): number {
  return cluster === undefined ? 0 : clusterSlackMs;
}

/** With the metadata store away nobody knows how far the tails are: the logs then keep what they can. */
async function findPositions({ store }: NodeMetadata, log: Log) {
  try {
    return await loadPositions(store);
  } catch (error) {
    if (!(error instanceof CitadelError) || error.code !== 'unavailable') throw error;
    log.warn('cannot read the cursors of subscriptions yet', { error: error.message });
    return [];
  }
}

export async function findTails(
  log: Log,
  config: NodeConfig,
  metadata: NodeMetadata,
  { view, admin }: Catalog,
): Promise<DataNodeOptions['tails']> {
  const rules = listTails(view, admin.view, clockSlackMs(config));
  const { logCount } = metadata.directory.identity;
  return {
    rules: rules.map(({ id, dbId, rpId, sinceMs }) => ({ id, dbId, rpId, sinceMs })),
    positions: rules.length === 0 ? [] : await findPositions(metadata, log),
    logBytesMax: config.services.subscriptions.logBytesMax / logCount,
  };
}
