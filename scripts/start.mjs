/**
 * `npm start`: sets up what is missing, then runs the server in this very process, so that signals
 * and the exit code need no forwarding. Arguments after `--` go to the server.
 */

import { setup } from './setup.mjs';

setup();
await import('../bin/citadel');
