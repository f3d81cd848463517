/** The comparison of copies as a part of a node in a cluster. */

import { ReplicaAudit } from '../broker/cluster/audit-replicas.ts';
import { AckedMarks } from '../broker/route/acked-marks.ts';
import type { Env } from '../env/env.ts';
import type { ServiceReport } from '../http/parts.ts';
import type { NodeConfig } from './config.ts';
import type { Stores } from './open-stores.ts';

/** Undefined on a node that is alone: there is nothing to compare with. */
export function startAudit(
  env: Env,
  { care }: NodeConfig,
  { metadata, dataNode, dataNodeOf }: Stores,
): ReplicaAudit | undefined {
  if (metadata.cluster === undefined) return undefined;
  return new ReplicaAudit({
    route: { env, cluster: metadata.view, dataNode: dataNodeOf, marks: new AckedMarks() },
    rules: { compareIntervalMs: care.compareIntervalMs },
    repair: (kind, shard) => dataNode.repair(kind, shard),
  });
}

/** What the node does by itself, the comparison included. */
export function joinReports(
  services: ServiceReport,
  audit: ReplicaAudit | undefined,
): ServiceReport {
  if (audit === undefined) return services;
  return {
    readings: () => [...services.readings(), ...audit.readings()],
    describe: () => ({ ...services.describe(), comparison: audit.describe() }),
  };
}
