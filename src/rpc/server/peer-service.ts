/**
 * The receiving end of peer messages: hands each batch on at once and answers pings. A batch
 * that cannot be read ends the stream; the sender opens a new one.
 */

import type { ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { PeerInbox } from '../contract.ts';
import { toGrpcError } from '../status.ts';
import { decodeExchange, encodeAnswer } from '../wire/exchange.ts';
import { callerOf, mapVersionMetadata, type ServiceHost, toAnswerable } from './call-scope.ts';

/** Answers that a sender has not read; beyond it the sender is gone or broken. */
const answersMax = 1_024;

type Exchange = ServerDuplexStream<Buffer, Buffer>;

function fail(call: Exchange, error: unknown, host: ServiceHost): void {
  call.emit('error', toGrpcError(toAnswerable(error, host, call.getPath())));
}

function receive(call: Exchange, from: string, host: ServiceHost, inbox: PeerInbox): void {
  call.on('data', (message: Buffer) => {
    try {
      const { messages, ping } = decodeExchange(message);
      host.noteDropped(message.length);
      if (messages.length > 0) inbox.deliver(from, messages);
      if (ping === 0) return;
      if (call.writableLength > answersMax) call.end();
      else call.write(encodeAnswer({ pong: ping, mapVersion: host.view.map.version }));
    } catch (error) {
      call.pause();
      fail(call, error, host);
    }
  });
  call.on('end', () => call.end());
}

export interface PeerService {
  readonly handlers: UntypedServiceImplementation;
  /** Ends all streams, so that a server can stop. */
  end(): void;
}

export function makePeerService(host: ServiceHost, inbox: PeerInbox): PeerService {
  const open = new Set<Exchange>();
  let isEnded = false;

  function exchange(call: Exchange): void {
    try {
      const { node } = callerOf(call, host);
      if (isEnded) {
        call.end();
        return;
      }
      open.add(call);
      call.once('cancelled', () => open.delete(call));
      call.once('finish', () => open.delete(call));
      call.sendMetadata(mapVersionMetadata(host));
      inbox.heardFrom(node);
      receive(call, node, host, inbox);
    } catch (error) {
      fail(call, error, host);
    }
  }

  return {
    handlers: { Exchange: exchange },
    end() {
      isEnded = true;
      for (const call of open) call.end();
      open.clear();
    },
  };
}
