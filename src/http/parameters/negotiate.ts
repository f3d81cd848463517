/** Which format an answer takes, by the Accept header; JSON when none that is asked for is known. */

export interface AnswerFormat {
  readonly kind: 'json' | 'csv' | 'msgpack';
  readonly contentType: string;
}

const json: AnswerFormat = { kind: 'json', contentType: 'application/json' };
const known: Readonly<Record<string, AnswerFormat>> = {
  'application/json': json,
  'application/*': json,
  '*/*': json,
  'application/x-msgpack': { kind: 'msgpack', contentType: 'application/x-msgpack' },
  'application/csv': { kind: 'csv', contentType: 'text/csv' },
  'text/csv': { kind: 'csv', contentType: 'text/csv' },
  'text/*': { kind: 'csv', contentType: 'text/csv' },
};

function readQuality(parameters: readonly string[]): number {
  const quality = parameters.map((text) => /^\s*q=([0-9.]+)\s*$/i.exec(text)?.[1]).find(Boolean);
  return quality === undefined ? 1 : Number(quality);
}

export function negotiateFormat(accept: string | undefined): AnswerFormat {
  let best = json;
  let bestQuality = 0;
  for (const entry of (accept ?? '').split(',')) {
    const [mediaType = '', ...parameters] = entry.split(';');
    const name = mediaType.trim().toLowerCase();
    const format = Object.hasOwn(known, name) ? known[name] : undefined;
    const quality = readQuality(parameters);
    if (format === undefined || !(quality > bestQuality)) continue;
    best = format;
    bestQuality = quality;
  }
  return best;
}
