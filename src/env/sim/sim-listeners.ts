/** Listeners of the simulated world: what comes in is handed over by the test, at the moment it chooses. */

import { CitadelError } from '../../base/errors.ts';
import type { DatagramOptions, Listener, Listeners, StreamOptions } from '../listeners.ts';

const portFirst = 40_000;

export class SimListeners implements Listeners {
  readonly #datagrams = new Map<number, DatagramOptions>();
  readonly #streams = new Map<number, StreamOptions>();
  #portNext = portFirst;

  async listenDatagrams(options: DatagramOptions): Promise<Listener> {
    return this.#open(this.#datagrams, options);
  }

  async listenStreams(options: StreamOptions): Promise<Listener> {
    return this.#open(this.#streams, options);
  }

  /** False = nobody listens there. */
  sendDatagram(port: number, bytes: Uint8Array): boolean {
    const options = this.#datagrams.get(port);
    options?.onDatagram(bytes);
    return options !== undefined;
  }

  /** False = nobody listens there. */
  connect(port: number, parts: AsyncIterable<Uint8Array>): boolean {
    const options = this.#streams.get(port);
    options?.onConnection({ parts });
    return options !== undefined;
  }

  #open<T extends { readonly port: number }>(table: Map<number, T>, options: T): Listener {
    const port = options.port === 0 ? this.#portNext++ : options.port;
    if (table.has(port)) {
      throw new CitadelError(
        'unavailable',
        `cannot listen on port ${port}: address already in use`,
      );
    }
    table.set(port, options);
    return {
      port,
      close: async () => {
        table.delete(port);
      },
    };
  }
}
