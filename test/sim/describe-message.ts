/** A replica message in a line of a trace. */

import type { ReplicaMessage } from '../../src/replication/peer-message.ts';

/** How much of an origin a trace shows. */
const originDigits = 4;

export function describeMessage({ head, body }: ReplicaMessage): string {
  const standing = 'standing' in body ? JSON.stringify(body.standing) : '';
  const entries = body.kind === 'entries' ? body.entries : body.kind === 'push' ? [body.entry] : [];
  const names = entries.map(
    ({ origin, sequence, hlc }) => `${origin.slice(0, originDigits)}:${sequence}@${hlc}`,
  );
  const id = 'id' in body ? `#${body.id}` : '';
  const prepare = 'prepare' in body && body.prepare > 0 ? ` prepare ${body.prepare}` : '';
  return `${body.kind}${id}${prepare} v${head.recordVersion} ${names.join(' ')} ${standing}`;
}
