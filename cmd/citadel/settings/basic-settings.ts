/** Where the data is, where clients connect. */

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../../flags/usage-error.ts';
import { readInteger, readListenAddress } from '../../flags/value-readers.ts';
import { type Machine, setting } from './setting.ts';

const threadsMax = 64;

function defaultDataDir({ env }: Machine): string {
  const home = env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share');
  return join(home, 'citadel');
}

function readDirectory(text: string): string {
  if (text.trim() === '') throw new UsageError('expected a directory');
  return resolve(text);
}

export const basicSettings = {
  db: setting({
    group: 'Basics',
    value: 'DIR',
    help: 'data directory; made when missing',
    fallback: defaultDataDir,
    shownDefault: '$XDG_DATA_HOME/citadel, else ~/.local/share/citadel',
    read: readDirectory,
  }),
  http: setting({
    group: 'Basics',
    value: 'HOST:PORT',
    help: 'address of the HTTP API; :7086 listens on all addresses, IPv6 goes in [brackets]',
    fallback: () => '127.0.0.1:7086',
    read: readListenAddress,
  }),
  threads: setting({
    group: 'Basics',
    value: 'N',
    help: 'threads that store and scan data',
    fallback: ({ cores }) => String(Math.max(1, Math.min(2, cores))),
    shownDefault: '2, or 1 on a single core',
    read: (text) => readInteger(text, { min: 1, max: threadsMax }),
  }),
};
