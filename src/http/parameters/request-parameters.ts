/**
 * Parameters of a request: from the URL, and for /query from a form in the body too, the body first.
 */

import type { FastifyRequest } from 'fastify';
import { findFormPart } from './multipart.ts';

export function readUrlParameters(request: FastifyRequest): URLSearchParams {
  const url = request.raw.url ?? '';
  const start = url.indexOf('?');
  return new URLSearchParams(start === -1 ? '' : url.slice(start + 1));
}

function mediaTypeOf(request: FastifyRequest): string {
  return (request.clientMediaType.split(';')[0] ?? '').trim().toLowerCase();
}

/** `get` answers the first value; names in the body come before those in the URL (`url`, where it was read before). */
export function readFormParameters(
  request: FastifyRequest,
  url: URLSearchParams = readUrlParameters(request),
): URLSearchParams {
  const mediaType = mediaTypeOf(request);
  if (request.method !== 'POST') return url;
  if (mediaType === 'application/x-www-form-urlencoded') {
    const form = new URLSearchParams(request.bodyBytes.toString('utf8'));
    for (const [name, value] of url) form.append(name, value);
    return form;
  }
  if (mediaType === 'multipart/form-data') {
    const form = findFormPart(request.bodyBytes, request.clientMediaType);
    for (const [name, value] of url) form.append(name, value);
    return form;
  }
  return url;
}
