/** What a request says about who sends it: InfluxDB's ways to say it, the first one that is there counts. */

import { decodeText } from '../base/text.ts';

/** Parts of a request; '' = not there. */
export interface LoginOffer {
  /** URL parameters `u` and `p`; a form in the body does not count. */
  readonly urlUser: string;
  readonly urlPassword: string;
  /** The header, whole. */
  readonly authorization: string;
  /** The other end of the connection, not what a proxy says about it. */
  readonly address: string;
}

export type Credentials =
  | { readonly kind: 'password'; readonly name: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string };

/** `user:password`; a password may hold colons. */
function splitPair(text: string): Credentials | undefined {
  const colon = text.indexOf(':');
  if (colon === -1) return undefined;
  return { kind: 'password', name: text.slice(0, colon), password: text.slice(colon + 1) };
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** Of the header; nobody's name and password are as long. */
const headerLengthMax = 32_768;

function readBasic(header: string): Credentials | undefined {
  const encoded = /^basic (.*)$/is.exec(header)?.[1];
  if (encoded === undefined || encoded.length % 4 !== 0 || !base64.test(encoded)) return undefined;
  return splitPair(decodeText(Buffer.from(encoded, 'base64')));
}

/** `u` and `p` of the URL, `Bearer`, `Token user:password`, Basic. Undefined = none that can be read. */
export function readCredentials(offer: LoginOffer): Credentials | undefined {
  const { urlUser, urlPassword, authorization } = offer;
  if (urlUser !== '' && urlPassword !== '') {
    return { kind: 'password', name: urlUser, password: urlPassword };
  }
  if (authorization.length > headerLengthMax) return undefined;
  const token = /^Bearer ([^ ]*)$/.exec(authorization)?.[1];
  if (token !== undefined) return { kind: 'bearer', token };
  const pair = /^Token (.*)$/s.exec(authorization)?.[1];
  return pair === undefined ? readBasic(authorization) : splitPair(pair);
}
