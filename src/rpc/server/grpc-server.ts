/** A gRPC server with what every one of ours has: health, reflection, limits, an orderly stop. */

import {
  logVerbosity,
  Server,
  type ServiceDefinition,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { CitadelError } from '../../base/errors.ts';
import type { Timers } from '../../env/env.ts';
import type { RpcTls } from '../contract.ts';
import { serverCredentials } from '../credentials.ts';
import {
  healthService,
  messageLimits,
  reflectionAlphaService,
  reflectionService,
  serviceNames,
} from '../methods.ts';
import { type HealthService, makeHealthService } from './health-service.ts';
import { makeReflectionService } from './reflection-service.ts';

// It would write to stderr what its callbacks report as well.
setLogVerbosity(logVerbosity.NONE);

const serverOptions = {
  ...messageLimits,
  /** Calls and streams per connection. */
  'grpc.max_concurrent_streams': 4_096,
  // Connections of peers that vanished without a word are found by these.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 20_000,
} as const;

/**
 * Bytes under way on a connection, and on a stream of it, before they were read. With HTTP/2's own 64 KiB a message of
 * frames waits for the other side several times.
 */
const windowBytes = 1024 * 1024;

interface Http2Session {
  setLocalWindowSize(size: number): void;
  settings(settings: { readonly initialWindowSize: number }): void;
}

interface SessionSource {
  on(event: 'session', listener: (session: Http2Session) => void): void;
}

/** The library has no option for it, and keeps its HTTP/2 servers to itself. Without them windows stay as they are. */
function widenWindows(server: Server): void {
  const servers: unknown = Reflect.get(server, 'http2Servers');
  if (!(servers instanceof Map)) return;
  for (const source of servers.keys() as Iterable<SessionSource>) {
    source.on('session', (session) => {
      session.setLocalWindowSize(windowBytes);
      session.settings({ initialWindowSize: windowBytes });
    });
  }
}

function bindTo(server: Server, address: string, tls: RpcTls | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, serverCredentials(tls), (cause, bound) => {
      if (cause === null) {
        widenWindows(server);
        return resolve(bound);
      }
      const message = `cannot listen on ${address}: ${cause.message}`;
      return reject(new CitadelError('unavailable', message, { cause }));
    });
  });
}

export class GrpcServer {
  readonly health: HealthService;
  readonly #server = new Server(serverOptions);
  readonly #timers: Pick<Timers, 'after'>;
  readonly #names = new Set<string>();
  readonly #ends: (() => void)[] = [];

  constructor(timers: Pick<Timers, 'after'>) {
    this.#timers = timers;
    this.health = makeHealthService(this.#names);
    const reflection = makeReflectionService(this.#names);
    this.add(serviceNames.health, healthService, this.health.handlers);
    this.add(serviceNames.reflection, reflectionService, reflection);
    this.add(serviceNames.reflectionAlpha, reflectionAlphaService, reflection);
  }

  /** Also while it runs. */
  add(name: string, methods: ServiceDefinition, handlers: UntypedServiceImplementation): void {
    this.#server.addService(methods, handlers);
    this.#names.add(name);
  }

  /** Called when it stops, to end what would hold it up. */
  onStop(end: () => void): void {
    this.#ends.push(end);
  }

  /**
   * Returns the port. No host = every address: of both families where the machine has both.
   *
   * @throws CitadelError `unavailable`
   */
  async listen(host: string, port: number, tls: RpcTls | undefined): Promise<number> {
    const server = this.#server;
    if (host !== '') {
      return bindTo(server, `${host.includes(':') ? `[${host}]` : host}:${port}`, tls);
    }
    try {
      return await bindTo(server, `[::]:${port}`, tls);
    } catch {
      // A machine without IPv6; if the port is the trouble, this one says so.
      return bindTo(server, `0.0.0.0:${port}`, tls);
    }
  }

  /** Takes no new calls and lets those under way end for `graceMs`. */
  stop(graceMs: number): Promise<void> {
    this.health.setServing(false);
    this.health.end();
    for (const end of this.#ends) end();
    return new Promise((resolve) => {
      const cut = this.#timers.after(graceMs, () => this.#server.forceShutdown());
      this.#server.tryShutdown(() => {
        cut.cancel();
        resolve();
      });
    });
  }

  cut(): void {
    this.#server.forceShutdown();
  }
}
