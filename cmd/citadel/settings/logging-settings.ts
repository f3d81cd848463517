/** What is logged and how. */

import { readChoice } from '../../flags/value-readers.ts';
import { setting } from './setting.ts';

export const loggingSettings = {
  'log-level': setting<'debug' | 'info' | 'warn' | 'error'>({
    group: 'Logging',
    value: 'LEVEL',
    help: 'debug, info, warn or error',
    fallback: () => 'info',
    read: (text) => readChoice(text, ['debug', 'info', 'warn', 'error']),
  }),
  'log-format': setting<'auto' | 'json' | 'logfmt' | 'text'>({
    group: 'Logging',
    value: 'FORMAT',
    help: 'json, logfmt, text, or auto: text on a terminal, else json',
    fallback: () => 'auto',
    read: (text) => readChoice(text, ['auto', 'json', 'logfmt', 'text']),
  }),
};
