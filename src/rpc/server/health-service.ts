/** grpc.health.v1: whether the server and its services take calls. */

import type {
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { CitadelError } from '../../base/errors.ts';
import { toGrpcError } from '../status.ts';
import { ProtoReader, ProtoWriter } from '../wire/proto-wire.ts';

const serving = { yes: 1, no: 2, unknown: 3 } as const;
const watchersMax = 1_000;

type Watcher = ServerWritableStream<Buffer, Buffer>;

function serviceOf(message: Buffer): string {
  return new ProtoReader(message).text(1) ?? '';
}

function answer(value: number): Buffer {
  return new ProtoWriter().varint(1, value).finish();
}

export interface HealthService {
  readonly handlers: UntypedServiceImplementation;
  setServing(isServing: boolean): void;
  /** Ends all watches, so that a server can stop. */
  end(): void;
}

/** `names`: of the services that are served; it may grow. */
export function makeHealthService(names: ReadonlySet<string>): HealthService {
  let isServing = true;
  /** '' = the server as a whole. */
  const isKnownName = (name: string) => name === '' || names.has(name);
  const watchers = new Map<Watcher, boolean>();
  const now = (isKnown: boolean) =>
    answer(isKnown ? (isServing ? serving.yes : serving.no) : serving.unknown);

  function check(call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void {
    try {
      const service = serviceOf(call.request);
      if (isKnownName(service)) callback(null, now(true));
      else callback(toGrpcError(new CitadelError('not-found', `there is no service ${service}`)));
    } catch (error) {
      callback(toGrpcError(error as CitadelError));
    }
  }

  function watch(call: Watcher): void {
    try {
      const isKnown = isKnownName(serviceOf(call.request));
      if (watchers.size >= watchersMax) {
        throw new CitadelError('overloaded', `there are ${watchersMax} watches of health already`);
      }
      watchers.set(call, isKnown);
      call.once('cancelled', () => watchers.delete(call));
      call.write(now(isKnown));
    } catch (error) {
      call.emit('error', toGrpcError(error as CitadelError));
    }
  }

  return {
    handlers: { Check: check, Watch: watch },
    setServing(value) {
      if (value === isServing) return;
      isServing = value;
      for (const [call, isKnown] of watchers) if (isKnown) call.write(now(true));
    },
    end() {
      for (const call of watchers.keys()) call.end();
      watchers.clear();
    },
  };
}
