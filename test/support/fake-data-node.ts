/** A data node that stores nothing: keeps the frames it was sent, or fails as it is told to. */

import type { ScanBlock, SchemaBlock, ShardPlan } from '../../src/model/plan.ts';
import type {
  DataNodeApi,
  DataNodeStatus,
  WriteShardRequest,
} from '../../src/rpc/data-node-api.ts';

export interface FakeDataNode extends DataNodeApi {
  readonly writes: WriteShardRequest[];
  readonly dropped: { readonly dbId: string; readonly rpId: string | undefined }[];
  readonly signals: AbortSignal[];
  /** What becomes of the next writes; default: stored. */
  onWrite: (request: WriteShardRequest) => Promise<void>;
  /** What scans answer; default: nothing. */
  onScan: (plan: ShardPlan, signal: AbortSignal) => AsyncIterable<ScanBlock>;
  state: DataNodeStatus['state'];
}

async function* nothing<T>(): AsyncIterable<T> {
  yield* [];
}

export function createFakeDataNode(): FakeDataNode {
  const node: FakeDataNode = {
    writes: [],
    dropped: [],
    signals: [],
    state: 'ok',
    onWrite: async () => undefined,
    onScan: () => nothing<ScanBlock>(),
    async writeShard(request) {
      await node.onWrite(request);
      node.writes.push(request);
      return { origin: '00', sequence: node.writes.length, copies: 1, levelReached: 'one' };
    },
    scan(_shards, plan, signal) {
      node.signals.push(signal);
      return [node.onScan(plan, signal)];
    },
    schema: () => [nothing<SchemaBlock>()],
    async dropData(dbId, rpId) {
      node.dropped.push({ dbId, rpId });
    },
    digest: async () => [],
    async status() {
      return {
        state: node.state,
        reason: node.state === 'ok' ? '' : 'the disk is full',
        shards: [],
        logBytes: 10,
        diskFreeBytes: 20,
        memoryBytes: 30,
        memoryBudgetBytes: 40,
      };
    },
  };
  return node;
}
