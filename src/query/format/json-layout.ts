/**
 * The white space of a JSON document: none, or Go's MarshalIndent with four spaces.
 *
 * Depths: 0 document, 1 its keys, 2 results, 3 their keys, 4 series, 5 their keys, 6 rows, 7 cells.
 */

import type { ByteWriter } from './byte-writer.ts';
import { writeJsonString } from './json-string.ts';

const indentSize = 4;
const depthMax = 8;

export class JsonLayout {
  readonly #breaks: readonly Uint8Array[];
  readonly #colon: string;

  constructor(pretty: boolean) {
    this.#colon = pretty ? ': ' : ':';
    this.#breaks = Array.from({ length: depthMax }, (_, depth) => {
      const bytes = new Uint8Array(pretty ? 1 + depth * indentSize : 0).fill(32);
      if (pretty) bytes[0] = 10;
      return bytes;
    });
  }

  /** A line break and the indent of `depth`; nothing when not pretty. */
  breakLine(out: ByteWriter, depth: number): void {
    const text = this.#breaks[depth]!;
    if (text.length > 0) out.copy(text);
  }

  /** Bytes in front of each item of a list: the comma but for the first, and the break. */
  item(out: ByteWriter, depth: number, isFirst: boolean): void {
    if (!isFirst) out.byte(44);
    this.breakLine(out, depth);
  }

  key(out: ByteWriter, depth: number, name: string, isFirst: boolean): void {
    this.item(out, depth, isFirst);
    writeJsonString(out, name);
    out.ascii(this.#colon);
  }

  close(out: ByteWriter, depth: number, bracket: ']' | '}'): void {
    this.breakLine(out, depth);
    out.byte(bracket.charCodeAt(0));
  }

  strings(out: ByteWriter, depth: number, texts: readonly string[]): void {
    out.byte(91);
    for (let i = 0; i < texts.length; i++) {
      this.item(out, depth + 1, i === 0);
      writeJsonString(out, texts[i]!);
    }
    if (texts.length > 0) this.breakLine(out, depth);
    out.byte(93);
  }
}
