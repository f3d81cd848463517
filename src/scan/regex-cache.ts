/**
 * Regular expressions of queries: RE2 syntax, linear time, unanchored. Patterns and their answers per
 * text are kept, because the same few tag values and dictionary entries come again and again.
 */

import { RE2JS } from 're2js';
import { CitadelError } from '../base/errors.ts';

const patternCountMax = 256;
const answerCountMax = 16_384;

export class TextPattern {
  readonly #matcher: RE2JS;
  readonly #answers = new Map<string, boolean>();

  constructor(pattern: string) {
    try {
      this.#matcher = RE2JS.compile(pattern);
    } catch (cause) {
      throw new CitadelError('invalid-argument', `error parsing regexp: ${String(cause)}`, {
        cause,
      });
    }
  }

  test(text: string): boolean {
    let answer = this.#answers.get(text);
    if (answer === undefined) {
      answer = this.#matcher.matcher(text).find();
      if (this.#answers.size >= answerCountMax) this.#answers.clear();
      this.#answers.set(text, answer);
    }
    return answer;
  }
}

const patterns = new Map<string, TextPattern>();

/** Throws `invalid-argument` for a pattern that RE2 does not know. */
export function textPattern(source: string): TextPattern {
  let pattern = patterns.get(source);
  if (!pattern) {
    pattern = new TextPattern(source);
    if (patterns.size >= patternCountMax) patterns.clear();
    patterns.set(source, pattern);
  }
  return pattern;
}
