/** The part of GET /info that the commands show. */

import { type AskedNode, getJson } from './ask-node.ts';

export interface NodeInfo {
  readonly uuid: string;
  readonly state: string;
  /** `drain`, `remove`, or '' */
  readonly mark?: string;
  readonly problem: string;
  readonly rpcUrl: string;
  readonly httpUrl: string;
  readonly zone: string;
  readonly version: string;
  readonly shards: number;
  readonly primaries: number;
  readonly memoryBytes: number;
  readonly storeBytes: number;
  readonly logBytes: number;
  readonly diskFreeBytes: number;
}

export interface CopyInfo {
  readonly node: string;
  readonly role: string;
  readonly state: string;
  readonly lagEntries: number;
  readonly series: number;
  readonly diskBytes: number;
  readonly faults: readonly string[];
}

export interface ShardInfo {
  readonly shard: number;
  readonly epoch: number;
  readonly primary: string;
  readonly degraded: boolean;
  readonly copies: readonly CopyInfo[];
}

export interface ClusterInfo {
  readonly cluster: { readonly uuid: string; readonly metadata: string };
  readonly nodes: readonly NodeInfo[];
  readonly shards: Readonly<Record<string, readonly ShardInfo[]>>;
}

/** @throws CommandError */
export function getInfo(node: AskedNode): Promise<ClusterInfo> {
  return getJson<ClusterInfo>(node, '/info');
}
