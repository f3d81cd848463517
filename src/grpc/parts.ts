/** What the public gRPC API works with. */

import type { Access } from '../access/access.ts';
import type { Broker } from '../broker/broker.ts';
import type { Env } from '../env/env.ts';
import type { Catalog } from '../metadata/catalog-view.ts';

export interface GrpcParts {
  readonly env: Pick<Env, 'clock' | 'timers' | 'log'>;
  readonly broker: Broker;
  readonly catalog: Catalog;
  readonly access: Access;
  readonly facts: {
    readonly version: string;
    readonly uuid: string;
    readonly clusterUuid: string;
    /** Wall clock. */
    readonly startedMs: number;
  };
  /** Of requests that are under way at once; one is always let in. */
  readonly requestBytesMax: number;
}
