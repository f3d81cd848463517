/**
 * Composition root: builds, starts and stops one node.
 */

import { CitadelError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { NodeConfig } from './config.ts';

export interface RunningNode {
  /** With the real port when 0 was asked for. */
  readonly httpUrl: string;
  /** Stops taking requests, finishes those in flight, makes everything durable. Idempotent. */
  stop(): Promise<void>;
}

/** @throws CitadelError, each with one clear line, when the node cannot start. */
export async function startNode(env: Env, config: NodeConfig): Promise<RunningNode> {
  throw new CitadelError('unsupported', `cannot start ${config.dataDir} ${typeof env.log}`);
}
