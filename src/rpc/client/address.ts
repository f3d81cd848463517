/** Addresses as nodes publish them. */

import { CitadelError } from '../../base/errors.ts';

/** `http://host:port` -> `host:port`. @throws CitadelError `invalid-argument` */
export function addressOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isOurs = parsed?.protocol === 'http:' || parsed?.protocol === 'https:';
  if (parsed === undefined || !isOurs || parsed.hostname === '') {
    throw new CitadelError('invalid-argument', `cannot use address ${url}: not http://host:port`);
  }
  const port = parsed.port === '' ? (parsed.protocol === 'https:' ? '443' : '80') : parsed.port;
  return `${parsed.hostname}:${port}`;
}
