/**
 * JSON as Go reads it, for `params` of /query: integers stay exact, errors have Go's words, and text
 * after the value is ignored.
 */

import { CitadelError } from '../../base/errors.ts';

/** A number as it was written. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Json =
  | null
  | boolean
  | string
  | NumberText
  | readonly Json[]
  | { readonly [name: string]: Json };

const depthMax = 100;
const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const stringPattern = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const spacePattern = /[ \t\r\n]*/y;
const words: readonly (readonly [string, Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

function refuse(message: string): never {
  throw new CitadelError('invalid-argument', message);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    if (depth > depthMax) refuse('exceeded max depth');
    const symbol = this.#peek();
    if (symbol === '{') return this.#object(depth);
    if (symbol === '[') return this.#array(depth);
    if (symbol === '"') return this.#string();
    const number = this.#take(numberPattern);
    if (number !== undefined && number !== '') return new NumberText(number);
    for (const [word, value] of words) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#unexpected('looking for beginning of value');
  }

  #object(depth: number): Json {
    this.#at++;
    const object: Record<string, Json> = Object.create(null) as Record<string, Json>;
    if (this.#skip('}')) return object;
    for (;;) {
      if (this.#peek() !== '"') this.#unexpected('looking for beginning of object key string');
      const name = this.#string();
      if (!this.#skip(':')) this.#unexpected('after object key');
      object[name] = this.value(depth + 1);
      if (this.#skip('}')) return object;
      if (!this.#skip(',')) this.#unexpected('after object key:value pair');
    }
  }

  #array(depth: number): Json {
    this.#at++;
    const items: Json[] = [];
    if (this.#skip(']')) return items;
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.#skip(']')) return items;
      if (!this.#skip(',')) this.#unexpected('after array element');
    }
  }

  #string(): string {
    const literal = this.#take(stringPattern);
    if (literal === undefined) return refuse('invalid character in string literal');
    return JSON.parse(literal) as string;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #peek(): string {
    this.#take(spacePattern);
    return this.#text[this.#at] ?? '';
  }

  #skip(symbol: string): boolean {
    if (this.#peek() !== symbol) return false;
    this.#at++;
    return true;
  }

  #unexpected(where: string): never {
    const symbol = this.#peek();
    if (symbol === '') return refuse(this.#text.trim() === '' ? 'EOF' : 'unexpected EOF');
    return refuse(`invalid character '${symbol}' ${where}`);
  }
}

/** @throws CitadelError `invalid-argument` */
export function parseGoJson(text: string): Json {
  return new Reader(text).value(0);
}
