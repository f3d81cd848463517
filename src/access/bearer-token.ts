/**
 * JSON web tokens that somebody who shares a secret with the server has signed: a name, and until when.
 *
 * Only HMAC with SHA-2, and never without a secret: a token signed with an empty one would be anybody's
 * (CVE-2019-20933). The messages are InfluxDB's.
 */

import { CitadelError } from '../base/errors.ts';
import { decodeText } from '../base/text.ts';

const algorithms = ['HS256', 'HS384', 'HS512'];
/** Others that a library knows, which are named in the answer. */
const otherAlgorithms = /^(none|(RS|ES|PS)(256|384|512))$/;
const tokenLengthMax = 16_384;

function refuse(message: string, cause?: unknown): CitadelError {
  return new CitadelError('unauthorized', message, { cause });
}

type Json = Readonly<Record<string, unknown>>;

function parsePart(part: string | Uint8Array): Json {
  try {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'base64url') : part;
    const json: unknown = JSON.parse(decodeText(bytes));
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Json;
  } catch (error) {
    throw refuse('token is malformed', error);
  }
  throw refuse('token is malformed');
}

function checkAlgorithm({ alg }: Json): void {
  if (typeof alg !== 'string') throw refuse('signing method (alg) is unspecified.');
  if (algorithms.includes(alg)) return;
  if (otherAlgorithms.test(alg)) throw refuse(`unexpected signing method: ${alg}`);
  throw refuse('signing method (alg) is unavailable.');
}

async function verifySignature(token: string, secret: Uint8Array): Promise<Json> {
  // With the first token: most servers never see one.
  const { compactVerify, errors } = await import('jose');
  try {
    const { payload } = await compactVerify(token, secret, { algorithms });
    return parsePart(payload);
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    const isForged = error instanceof errors.JWSSignatureVerificationFailed;
    throw refuse(isForged ? 'signature is invalid' : 'token is malformed', error);
  }
}

function checkTimes({ exp, nbf }: Json, nowMs: number): void {
  const nowSeconds = Math.floor(nowMs / 1000);
  if (typeof exp === 'number' && exp !== 0 && nowSeconds > exp) throw refuse('Token is expired');
  if (typeof nbf === 'number' && nowSeconds < nbf) throw refuse('Token is not valid yet');
  if (typeof exp !== 'number' || exp <= 0) throw refuse('token expiration required');
}

/**
 * The name of the user that a token speaks for.
 *
 * @throws CitadelError `unauthorized`
 */
export async function readBearerToken(
  token: string,
  secret: Uint8Array,
  nowMs: number,
): Promise<string> {
  if (secret.length === 0) throw refuse('bearer auth disabled');
  const parts = token.split('.');
  if (parts.length !== 3) throw refuse('token contains an invalid number of segments');
  if (token.length > tokenLengthMax) throw refuse('token is malformed');
  checkAlgorithm(parsePart(parts[0] ?? ''));
  const claims = await verifySignature(token, secret);
  checkTimes(claims, nowMs);
  const { username } = claims;
  if (typeof username !== 'string') throw refuse('username in token must be a string');
  if (username === '') throw refuse('token must contain a username');
  return username;
}
