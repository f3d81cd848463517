/**
 * What the parser reads from: tokens with a little look-back, bound parameters already replaced,
 * the smallest phrases (a name, a string, a number, a duration), and the texts of syntax errors.
 *
 * `unscan` puts the last token back, up to three of them. `peek` and `scanRegex` look at the raw text
 * behind the tokens that were put back, which influxd's messages depend on.
 */

import { CitadelError } from '../base/errors.ts';
import { type BoundToken, bindValue, type QueryParams } from './bind.ts';
import { parseDuration } from './duration.ts';
import { isWhitespace, Lexer } from './lexer.ts';
import { type Token, tokenName } from './tokens.ts';

const ringSize = 4;

/** Deep enough for any query a person or a dashboard writes, shallow enough for every stack. */
const depthMax = 200;

/** Levels of one expression: nesting plus operators in a row (but AND and OR, which are balanced). */
const treeDepthMax = 1000;

/** Where a password may begin, behind the words of CREATE USER and SET PASSWORD: messages quote nothing from there on. */
function findSecret(text: string): number {
  const start = text.search(/\b(?:user|set)\b/i);
  const length = start === -1 ? -1 : text.slice(start).search(/\bpassword\b/i);
  return length === -1 ? Number.POSITIVE_INFINITY : start + length;
}

export class TokenStream {
  token: Token = 'EOF';
  offset = 0;
  literal = '';
  /** Levels of the expression parsed last. */
  treeDepth = 0;
  readonly #lexer: Lexer;
  readonly #params: QueryParams;
  readonly #text: string;
  readonly #tokens: Token[] = ['EOF', 'EOF', 'EOF', 'EOF'];
  readonly #offsets = [0, 0, 0, 0];
  readonly #literals = ['', '', '', ''];
  #newest = 0;
  #pending = 0;
  #depth = 0;

  constructor(text: string, params: QueryParams) {
    this.#lexer = new Lexer(text);
    this.#params = params;
    this.#text = text;
  }

  /** The next token, white space and comments included. */
  scan(): Token {
    if (this.#pending > 0) this.#pending--;
    else {
      this.#lexer.next();
      this.#remember();
    }
    return this.#load();
  }

  /** The next token that is neither white space nor comment. */
  next(): Token {
    let token = this.scan();
    while (token === 'WS' || token === 'COMMENT') token = this.scan();
    return token;
  }

  scanRegex(): Token {
    if (this.#pending > 0) this.#pending--;
    else {
      this.#lexer.nextRegex();
      this.#remember();
    }
    return this.#load();
  }

  unscan(): void {
    this.#pending++;
  }

  /** Code of the next raw character, -1 at the end. */
  peek(): number {
    return this.#lexer.peek();
  }

  /** Takes the next token if it is this one. */
  accept(token: Token): boolean {
    if (this.next() === token) return true;
    this.unscan();
    return false;
  }

  /** Takes these tokens or fails, naming the first that is missing. */
  expect(...tokens: readonly Token[]): void {
    for (const token of tokens) if (this.next() !== token) throw this.unexpected(token);
  }

  skipWhitespace(): void {
    if (this.scan() !== 'WS') this.unscan();
  }

  skipWhitespaceAhead(): void {
    if (isWhitespace(this.peek())) this.skipWhitespace();
  }

  ident(): string {
    if (this.next() !== 'IDENT') throw this.unexpected('identifier');
    return this.literal;
  }

  idents(): string[] {
    const idents = [this.ident()];
    while (this.accept(',')) idents.push(this.ident());
    return idents;
  }

  string(): string {
    if (this.next() !== 'STRING') throw this.unexpected('string');
    return this.literal;
  }

  strings(): string[] {
    const strings = [this.string()];
    while (this.accept(',')) strings.push(this.string());
    return strings;
  }

  /** Nanoseconds; INF is 0n. */
  duration(): bigint {
    const token = this.next();
    if (token === 'INF') return 0n;
    return this.durationOfToken();
  }

  /** Nanoseconds of the current token. */
  durationOfToken(): bigint {
    if (this.token !== 'DURATIONVAL') throw this.unexpected('duration');
    const { ns, error } = parseDuration(this.literal);
    if (error !== undefined) throw this.failHere(error);
    return ns;
  }

  /** The digits of an integer. */
  integerText(): string {
    if (this.next() !== 'INTEGER') throw this.unexpected('integer');
    return this.literal;
  }

  /** Guards the stack: every nesting of the grammar goes through here. */
  nest<T>(parse: () => T): T {
    if (this.#depth >= depthMax) throw this.failHere('query is nested too deeply');
    this.#depth++;
    const result = parse();
    this.#depth--;
    return result;
  }

  /** Bounds the expression being built, whose walks recurse; returns its depth. */
  grow(depth: number): number {
    if (depth > treeDepthMax) throw this.failHere('expression is too long');
    this.treeDepth = depth;
    return depth;
  }

  /** `found X, expected A, B at line L, char C`, X being the current token. */
  unexpected(...expected: readonly string[]): CitadelError {
    const { literal, token, offset } = this;
    const quoted = offset < findSecret(this.#text) ? literal : '[REDACTED]';
    const found = literal === '' ? tokenName(token) : quoted;
    return this.failHere(`found ${found}, expected ${expected.join(', ')}`);
  }

  /** A message with the current token's position. */
  failHere(message: string): CitadelError {
    return this.failAt(message, this.offset);
  }

  failAt(message: string, offset: number): CitadelError {
    return this.fail(`${message} at ${this.#lexer.describePosition(offset)}`);
  }

  describePosition(offset: number): string {
    return this.#lexer.describePosition(offset);
  }

  fail(message: string): CitadelError {
    return new CitadelError('invalid-argument', message);
  }

  /** What is wrong with the current token, a bound parameter that was not replaced. */
  failUnbound(): CitadelError {
    // A value that cannot be bound has left its reason here, which is then missed as a name, as in influxd.
    const name = this.literal.replace(/^\$/, '');
    if (name === '') return this.fail('empty bound parameter');
    const bound = this.#lookupParam(name);
    if (bound === undefined) return this.fail(`missing parameter: ${name}`);
    return this.fail(bound.literal);
  }

  #remember(): void {
    const lexer = this.#lexer;
    const i = (this.#newest + 1) % ringSize;
    this.#newest = i;
    this.#tokens[i] = lexer.token;
    this.#offsets[i] = lexer.offset;
    this.#literals[i] = lexer.literal;
  }

  #load(): Token {
    const i = (this.#newest - this.#pending + ringSize) % ringSize;
    this.token = this.#tokens[i]!;
    this.offset = this.#offsets[i]!;
    this.literal = this.#literals[i]!;
    if (this.token === 'BOUNDPARAM') this.#substitute();
    return this.token;
  }

  #lookupParam(name: string): BoundToken | undefined {
    return Object.hasOwn(this.#params, name) ? bindValue(this.#params[name]) : undefined;
  }

  #substitute(): void {
    const name = this.literal.slice(1);
    const bound = name === '' ? undefined : this.#lookupParam(name);
    if (bound === undefined) return;
    this.token = bound.token;
    this.literal = bound.literal;
  }
}
