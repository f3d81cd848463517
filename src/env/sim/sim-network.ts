/** The servers of a seeded world: those that were given to it; everybody else refuses. */

import { CitadelError } from '../../base/errors.ts';
import type { DatagramSender, HttpAnswer, HttpPost, Network } from '../network.ts';

export type SimServer = (request: HttpPost, signal: AbortSignal) => Promise<HttpAnswer>;
export type SimReceiver = (bytes: Uint8Array) => void;

export class SimNetwork implements Network {
  /** By `host:port`. */
  readonly servers = new Map<string, SimServer>();
  readonly receivers = new Map<string, SimReceiver>();

  async post(request: HttpPost, signal: AbortSignal): Promise<HttpAnswer> {
    const server = this.servers.get(new URL(request.url).host);
    if (server === undefined) throw new CitadelError('unavailable', 'connection refused');
    return server(request, signal);
  }

  async openDatagrams(host: string, port: number): Promise<DatagramSender> {
    const receiver = () => this.receivers.get(`${host}:${port}`);
    return {
      send: async (bytes) => {
        const receive = receiver();
        if (receive === undefined) throw new CitadelError('unavailable', 'connection refused');
        receive(bytes);
      },
      settle: async () => undefined,
      close: () => undefined,
    };
  }
}
