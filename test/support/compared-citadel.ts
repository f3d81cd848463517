/**
 * What tests compare with InfluxDB: a single node, or three nodes with two copies of which one is asked.
 *
 * TEST_COMPARED=cluster or cluster-one-down (scripts/compare-cluster.mjs): every such test runs against a cluster then.
 */

import { startCluster } from './citadel-cluster.ts';
import { type CitadelOptions, type CitadelProcess, startCitadel } from './citadel-process.ts';

const compared = process.env.TEST_COMPARED ?? 'single';
/** As many as a node alone has. */
const shards = 16;

export async function startCompared(
  options: Pick<CitadelOptions, 'args'> = {},
): Promise<CitadelProcess> {
  if (!compared.startsWith('cluster')) return startCitadel(options);
  const cluster = await startCluster({ ...options, shards });
  const [asked, other] = cluster.nodes as [CitadelProcess, CitadelProcess];
  if (compared === 'cluster-one-down') await other.kill();
  // What the process gives by getters changes with a restart: it stays behind the object, not copied into it.
  const cleanUp = { value: () => cluster.cleanUp() };
  return Object.create(asked, { cleanUp }) as CitadelProcess;
}
