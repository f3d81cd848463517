/** Free TCP ports on the loopback address. */

import { createServer } from 'node:net';

/**
 * A port that was free a moment ago. Another process may take it before the caller does: a server
 * that cannot bind it must be started again with a new one.
 */
export function findFreePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
