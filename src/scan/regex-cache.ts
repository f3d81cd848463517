/**
 * Regular expressions of queries: RE2 syntax, linear time, unanchored. Patterns and their answers per
 * text are kept, because the same few tag values and dictionary entries come again and again.
 *
 * A pattern remembers the states that it was in, up to 8 MiB, so that a text costs a look-up per character.
 */

import { RE2JS } from 're2js';
import { CitadelError } from '../base/errors.ts';

const patternCountMax = 64;
const answerCountMax = 16_384;
/** Answers for longer texts are not kept: finding them again costs less than holding the texts. */
const keptLengthMax = 256;

export class TextPattern {
  readonly #regex: RE2JS;
  readonly #answers = new Map<string, boolean>();

  constructor(pattern: string) {
    try {
      this.#regex = RE2JS.compile(pattern);
    } catch (cause) {
      throw new CitadelError('invalid-argument', `error parsing regexp: ${String(cause)}`, {
        cause,
      });
    }
  }

  test(text: string): boolean {
    if (text.length > keptLengthMax) return this.#regex.test(text);
    let answer = this.#answers.get(text);
    if (answer === undefined) {
      answer = this.#regex.test(text);
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
    // The one that came first goes.
    if (patterns.size >= patternCountMax) patterns.delete(patterns.keys().next().value!);
    patterns.set(source, pattern);
  }
  return pattern;
}
