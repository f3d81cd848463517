/** A service of the public API, as whoever composes a node hands it to the server. */

import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';

export interface ApiService {
  readonly name: string;
  readonly methods: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
  /** Ends what clients would hold open, so that a server can stop. */
  readonly end: () => void;
}
