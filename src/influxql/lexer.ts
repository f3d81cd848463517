/**
 * The lexer: text to tokens, one at a time, without allocating but for the literals.
 *
 * Offsets are UTF-16 indexes; `describePosition` turns one into the line and character that influxd
 * reports, with its habits: a string is reported one character early, and the end of the text one
 * character late once something has looked at it. A NUL ends the text.
 */

import { lookupKeyword, type Token } from './tokens.ts';

const tab = 9;
const lineFeed = 10;
const space = 32;
const doubleQuote = 34;
const dollar = 36;
const singleQuote = 39;
const dash = 45;
const dot = 46;
const slash = 47;
const star = 42;
const backslash = 92;
const micro = 0xb5;
/** What `codeAt` answers at the end. */
const end = -1;

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}

function isIdentPart(code: number): boolean {
  return isLetter(code) || isDigit(code) || code === 95;
}

export function isWhitespace(code: number): boolean {
  return code === space || code === lineFeed || code === tab;
}

const singleCharTokens: ReadonlyMap<number, Token> = new Map(
  (['+', '*', '%', '&', '|', '^', '(', ')', ',', ';'] as const).map((sign) => [
    sign.charCodeAt(0),
    sign,
  ]),
);

/** Line breaks become LF, and a NUL ends the text. */
function normalizeText(text: string): string {
  const withoutCr = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  const nul = withoutCr.indexOf('\0');
  return nul < 0 ? withoutCr : withoutCr.slice(0, nul);
}

export class Lexer {
  token: Token = 'EOF';
  /** Where messages say the token is. */
  offset = 0;
  literal = '';
  readonly #text: string;
  #at = 0;
  /** Something has read the end of the text and not put it back. */
  #endSeen = false;

  constructor(text: string) {
    this.#text = normalizeText(text);
  }

  /** The next character's code, -1 at the end (which then counts as seen). */
  peek(): number {
    if (this.#at >= this.#text.length) this.#endSeen = true;
    return this.#codeAt(this.#at);
  }

  /** Reads the next token into `token`, `offset` and `literal`. */
  next(): void {
    const start = this.#at;
    const code = this.#codeAt(start);
    this.offset = start;
    this.literal = '';
    if (isLetter(code) || code === 95) this.#scanIdent(start);
    else if (isWhitespace(code)) this.#scanWhitespace(start);
    else if (isDigit(code)) this.#scanNumber(start);
    else if (code === end) this.#scanEnd();
    else this.#scanSign(code, start);
  }

  /** Reads a regular expression; the next character is its opening slash. */
  nextRegex(): void {
    const text = this.#text;
    this.offset = this.#before(this.#at);
    this.literal = '';
    let at = this.#at + 1;
    let from = at;
    let pattern = '';
    for (;;) {
      const code = this.#codeAt(at);
      if (code === slash) break;
      if (code === end || code === lineFeed) {
        this.#at = Math.min(at + 1, text.length);
        if (code === end) this.#endSeen = true;
        this.token = 'BADREGEX';
        return;
      }
      if (code === backslash && this.#codeAt(at + 1) === slash) {
        pattern += text.slice(from, at);
        from = at + 1;
        at++;
      }
      at++;
    }
    this.literal = pattern + text.slice(from, at);
    this.token = 'REGEX';
    this.#at = at + 1;
  }

  /** `line L, char C`, both counted from 1, characters being code points. */
  describePosition(offset: number): string {
    const before = this.#text.slice(0, offset);
    const lineStart = before.lastIndexOf('\n') + 1;
    const line = before.split('\n').length;
    const pastEnd = Math.max(0, offset - this.#text.length);
    const char = [...before.slice(lineStart)].length + pastEnd + 1;
    return `line ${line}, char ${char}`;
  }

  #codeAt(at: number): number {
    return at < this.#text.length ? this.#text.charCodeAt(at) : end;
  }

  /** Offset of the character before this one. */
  #before(at: number): number {
    if (at === 0) return 0;
    const code = this.#text.charCodeAt(at - 1);
    return code >= 0xdc00 && code <= 0xdfff && at > 1 ? at - 2 : at - 1;
  }

  #scanEnd(): void {
    this.offset = this.#text.length + (this.#endSeen ? 1 : 0);
    this.#endSeen = true;
    this.token = 'EOF';
  }

  #scanWhitespace(start: number): void {
    let at = start + 1;
    while (isWhitespace(this.#codeAt(at))) at++;
    this.#finishRun('WS', start, at);
  }

  /** Ends a token that ran until something else, or the end, came in sight. */
  #finishRun(token: Token, start: number, at: number): void {
    if (at >= this.#text.length) this.#endSeen = true;
    this.#at = at;
    this.token = token;
    this.literal = this.#text.slice(start, at);
  }

  #scanIdent(start: number): void {
    let at = start;
    while (isIdentPart(this.#codeAt(at))) at++;
    if (this.#codeAt(at) === doubleQuote) {
      // Only the quoted part counts: `ab"c"` is the identifier c.
      this.#scanQuotedIdent(at, start);
      return;
    }
    this.#finishRun('IDENT', start, at);
    const keyword = lookupKeyword(this.literal);
    if (keyword === undefined) return;
    this.token = keyword;
    this.literal = '';
  }

  #scanQuotedIdent(quoteAt: number, start: number): void {
    this.#scanString(quoteAt, doubleQuote);
    if (this.token !== 'STRING') return;
    this.token = 'IDENT';
    this.offset = start;
  }

  #scanString(quoteAt: number, quote: number): void {
    const text = this.#text;
    this.offset = this.#before(quoteAt);
    let at = quoteAt + 1;
    let from = at;
    let value = '';
    for (;;) {
      const code = this.#codeAt(at);
      if (code === quote) break;
      if (code === end || code === lineFeed) {
        if (code === end) this.#endSeen = true;
        this.#at = Math.min(at + 1, text.length);
        this.token = 'BADSTRING';
        this.literal = value + text.slice(from, at);
        return;
      }
      if (code === backslash) {
        const escaped = text[at + 1];
        if (escaped !== 'n' && escaped !== '\\' && escaped !== '"' && escaped !== "'") {
          this.#finishBadEscape(at);
          return;
        }
        value += text.slice(from, at) + (escaped === 'n' ? '\n' : escaped);
        at++;
        from = at + 1;
      }
      at++;
    }
    this.token = 'STRING';
    this.literal = value + text.slice(from, at);
    this.#at = at + 1;
  }

  #finishBadEscape(at: number): void {
    const point = this.#text.codePointAt(at + 1);
    if (point === undefined) this.#endSeen = true;
    const escaped = point === undefined ? '\0' : String.fromCodePoint(point);
    this.token = 'BADESCAPE';
    this.offset = at + 1;
    this.literal = `\\${escaped}`;
    this.#at = point === undefined ? at + 1 : at + 1 + escaped.length;
  }

  #scanNumber(start: number): void {
    const text = this.#text;
    let at = start;
    while (isDigit(this.#codeAt(at))) at++;
    if (this.#codeAt(at) === dot) {
      const wholeEnd = at;
      at++;
      while (isDigit(this.#codeAt(at))) at++;
      this.token = 'NUMBER';
      this.literal = text.slice(start, at === wholeEnd + 1 ? wholeEnd : at);
    } else {
      const digitsEnd = at;
      let code = this.#codeAt(at);
      // A duration starts its unit with a letter and then takes all letters and digits.
      while (isLetter(code) || code === micro || (isDigit(code) && at > digitsEnd)) {
        at++;
        code = this.#codeAt(at);
      }
      this.token = at > digitsEnd ? 'DURATIONVAL' : 'INTEGER';
      this.literal = text.slice(start, at);
    }
    this.#at = at;
  }

  #scanSign(code: number, start: number): void {
    const single = singleCharTokens.get(code);
    if (single !== undefined) this.#take(single, 1);
    else if (code === singleQuote) this.#scanString(start, singleQuote);
    else if (code === doubleQuote) this.#scanQuotedIdent(start, start);
    else if (code === dot) {
      if (isDigit(this.#codeAt(start + 1))) this.#scanNumber(start);
      else this.#take('.', 1);
    } else if (code === dollar) this.#scanBoundParam(start);
    else if (code === dash) {
      if (this.#codeAt(start + 1) === dash) this.#skipLineComment(start);
      else this.#take('-', 1);
    } else if (code === slash) {
      if (this.#codeAt(start + 1) === star) this.#skipBlockComment(start);
      else this.#take('/', 1);
    } else this.#scanComparison(start);
  }

  #scanComparison(start: number): void {
    const two = this.#text.slice(start, start + 2);
    switch (two) {
      case '=~':
      case '!=':
      case '!~':
      case '>=':
      case '<=':
      case '::':
        this.#take(two, 2);
        return;
      case '<>':
        this.#take('!=', 2);
        return;
    }
    const one = two[0];
    if (one === '=' || one === '<' || one === '>' || one === ':') {
      this.#take(one, 1);
      return;
    }
    const illegal = String.fromCodePoint(this.#text.codePointAt(start)!);
    this.#take('ILLEGAL', illegal.length);
    this.literal = illegal;
  }

  #take(token: Token, length: number): void {
    this.token = token;
    this.#at += length;
  }

  #scanBoundParam(start: number): void {
    let at = start + 1;
    while (isIdentPart(this.#codeAt(at))) at++;
    if (this.#codeAt(at) === doubleQuote) {
      this.#scanQuotedIdent(at, start);
      this.offset = start;
    } else this.#finishRun('IDENT', start + 1, at);
    this.literal = `$${this.literal}`;
    if (this.token === 'IDENT') this.token = 'BOUNDPARAM';
  }

  #skipLineComment(start: number): void {
    const lineEnd = this.#text.indexOf('\n', start);
    if (lineEnd < 0) this.#endSeen = true;
    this.#at = lineEnd < 0 ? this.#text.length : lineEnd + 1;
    this.token = 'COMMENT';
  }

  #skipBlockComment(start: number): void {
    const close = this.#text.indexOf('*/', start + 2);
    if (close < 0) this.#endSeen = true;
    this.#at = close < 0 ? this.#text.length : close + 2;
    this.token = close < 0 ? 'ILLEGAL' : 'COMMENT';
  }
}
