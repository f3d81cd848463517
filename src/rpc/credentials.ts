/** Plain text or mutual TLS, for both protocols and both sides. */

import { ChannelCredentials, type ChannelOptions, ServerCredentials } from '@grpc/grpc-js';
import type { RpcTls } from './contract.ts';

export function channelCredentials(tls: RpcTls | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const { ca, cert, key } = tls;
  return ChannelCredentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(cert));
}

/** Certificates are checked against this name instead of the address. */
export function channelName(tls: RpcTls | undefined): ChannelOptions {
  const name = tls?.serverName;
  return name === undefined ? {} : { 'grpc.ssl_target_name_override': name };
}

export function serverCredentials(tls: RpcTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) };
  return ServerCredentials.createSsl(Buffer.from(tls.ca), [pair], true);
}
