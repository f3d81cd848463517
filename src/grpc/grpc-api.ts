/**
 * The public gRPC API: writes, queries, keys and values, what the cluster is. The contract is in proto/citadel/v1, for
 * people in docs/grpc.md; `rpc` carries the messages.
 */

import { CallGate } from '../rpc/api/call-gate.ts';
import type { ApiHost } from '../rpc/api/serve.ts';
import type { ApiService } from '../rpc/api/service.ts';
import {
  clusterService,
  keyValueService,
  serviceNames,
  timeSeriesService,
} from '../rpc/methods.ts';
import { makeClusterHandlers } from './cluster-handlers.ts';
import { makeKeyValueHandlers } from './key-value-handlers.ts';
import type { GrpcParts } from './parts.ts';
import { makeTimeSeriesHandlers } from './time-series-handlers.ts';

export function makeApiServices(parts: GrpcParts): readonly ApiService[] {
  const { timers, log } = parts.env;
  const gate = new CallGate(parts.requestBytesMax);
  const host: ApiHost = { timers, log, gate, streams: new Set() };
  const end = () => {
    for (const stream of host.streams) stream.stop();
  };
  return [
    {
      name: serviceNames.keyValue,
      methods: keyValueService,
      handlers: makeKeyValueHandlers(host, parts),
      end,
    },
    {
      name: serviceNames.timeSeries,
      methods: timeSeriesService,
      handlers: makeTimeSeriesHandlers(host, parts),
      end,
    },
    {
      name: serviceNames.cluster,
      methods: clusterService,
      handlers: makeClusterHandlers(host, parts),
      end,
    },
  ];
}
