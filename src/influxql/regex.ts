/**
 * Regular expressions of queries: RE2, run in linear time, so that no user can make one explode.
 * Compiled ones are kept, as dashboards repeat themselves.
 */

import { RE2JS } from 're2js';

/** Enough for the panels of a few dashboards. */
const cacheSizeMax = 1024;

/** Longer ones are compiled each time. */
const cachedPatternLengthMax = 1024;

export interface CompiledRegex {
  readonly matches: (text: string) => boolean;
}

type Outcome =
  | { readonly regex: CompiledRegex; readonly error: undefined }
  | { readonly regex: undefined; readonly error: string };

const cache = new Map<string, Outcome>();

/** The compiled pattern, or the message Go gives for it: `error parsing regexp: ...`. */
export function compileRegex(pattern: string): Outcome {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  const outcome = compileAnew(pattern);
  if (pattern.length <= cachedPatternLengthMax) {
    if (cache.size >= cacheSizeMax) cache.delete(cache.keys().next().value!);
    cache.set(pattern, outcome);
  }
  return outcome;
}

function compileAnew(pattern: string): Outcome {
  try {
    const compiled = RE2JS.compile(pattern);
    const matches = (text: string): boolean => compiled.test(text);
    return { regex: { matches }, error: undefined };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // Go prints the (empty) rest of the pattern here too.
    const tail = message.endsWith('trailing backslash at end of expression') ? ': ``' : '';
    return { regex: undefined, error: message + tail };
  }
}
