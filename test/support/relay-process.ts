/**
 * Passes connections on into the network that this process runs in (started by network-namespaces.ts): it is
 * sent a listening server of the outside and an address of the inside.
 */

import { connect, type Server, type Socket } from 'node:net';

interface Target {
  readonly host: string;
  readonly port: number;
}

function passOn(near: Socket, target: Target): void {
  const far = connect({ ...target, noDelay: true });
  near.setNoDelay(true);
  near.pipe(far).pipe(near);
  near.on('error', () => far.destroy());
  far.on('error', () => near.resetAndDestroy());
  near.on('close', () => far.destroy());
  far.on('close', () => near.destroy());
}

process.on('message', (target: Target, server: Server) => {
  server.on('connection', (near: Socket) => passOn(near, target));
  process.send?.('listening');
});
process.on('disconnect', () => process.exit(0));
