/** A write on its way to a node, as those who carry it see it. */

import type { WriteShardRequest, WriteShardResponse } from '../data-node-api.ts';

/** A message that is sent dies together with what it was made of and what gRPC makes of it. */
export const copiesDropped = 3;

export interface PendingWrite {
  readonly request: WriteShardRequest;
  /** Both do nothing once one of them was called. */
  readonly resolve: (answer: WriteShardResponse) => void;
  readonly reject: (error: unknown) => void;
  isSettled: boolean;
  /** Nobody waits for it any more. */
  onGivenUp: () => void;
}
