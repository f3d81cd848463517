/** Who may use the node, and how. */

import { resolve } from 'node:path';
import { readChoice } from '../../flags/value-readers.ts';
import { type Setting, setting } from './setting.ts';

function yesOrNo(help: string): Setting<boolean> {
  return {
    group: 'Access',
    value: 'true|false',
    help,
    fallback: () => 'false',
    read: (text) => readChoice(text, ['true', 'false']) === 'true',
  };
}

export const accessSettings = {
  'auth-enabled': yesOrNo(
    "users must log in, and may do what they were granted; the first administrator is made from this machine: CREATE USER name WITH PASSWORD '...' WITH ALL PRIVILEGES",
  ),
  'ping-auth-enabled': yesOrNo(
    'with -auth-enabled: ask for a login at /ping, /status and /metrics too',
  ),
  'shared-secret-file': setting({
    group: 'Access',
    value: 'FILE',
    help: 'file with the secret that JSON web tokens (Authorization: Bearer) are signed with, 32 bytes or more; empty = no tokens are taken',
    fallback: () => '',
    shownDefault: 'empty',
    read: (text) => (text === '' ? '' : resolve(text)),
  }),
  'allow-changes-by-get': yesOrNo(
    'GET /query runs statements that change something, with a warning, as InfluxDB does; else only POST does',
  ),
};
