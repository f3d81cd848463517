/** Quoting as influxd prints it: identifiers only where they need it, strings always. */

import { lookupKeyword } from './tokens.ts';

const bareIdent = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The empty name needs none, as in influxd. */
export function identNeedsQuotes(name: string): boolean {
  return lookupKeyword(name) !== undefined || (name !== '' && !bareIdent.test(name));
}

function escapeQuoted(text: string, quote: string): string {
  if (!text.includes('\n') && !text.includes('\\') && !text.includes(quote)) return text;
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`);
}

/** `a`, `"a b"`, `"a".b`: all segments but the last are always quoted, inner empty ones left out. */
export function quoteIdent(...segments: readonly string[]): string {
  const last = segments.length - 1;
  return segments
    .map((segment, i) => {
      const isEdge = i === 0 || i === last;
      const quoted =
        identNeedsQuotes(segment) || (i < last && segment !== '') || (isEdge && segment === '');
      const body = escapeQuoted(segment, '"');
      return quoted ? `"${body}"` : body;
    })
    .join('.');
}

export function quoteString(text: string): string {
  return `'${escapeQuoted(text, "'")}'`;
}
