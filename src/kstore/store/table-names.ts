/** Tables of a store by name and by number. Numbers are local to the store and never given again. */

import { encodeText } from '../../base/text.ts';

export class TableNames {
  readonly #numbers = new Map<string, number>();
  readonly #names = new Map<number, string>();
  /** In no file yet. */
  #unsaved: number[] = [];
  next = 1;

  get count(): number {
    return this.#numbers.size;
  }

  /** By number. */
  all(): (readonly [no: number, name: string])[] {
    return [...this.#names].sort(([a], [b]) => a - b);
  }

  find(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  nameOf(no: number): string | undefined {
    return this.#names.get(no);
  }

  numberOf(name: string): number {
    let no = this.#numbers.get(name);
    if (no === undefined) {
      no = this.next++;
      this.#set(no, name);
      this.#unsaved.push(no);
    }
    return no;
  }

  /** As a file has it. */
  load(no: number, name: string): void {
    this.#set(no, name);
    this.next = Math.max(this.next, no + 1);
  }

  #set(no: number, name: string): void {
    this.#numbers.set(name, no);
    this.#names.set(no, name);
  }

  /** Rows for the file, of those that it lacks. */
  unsaved(): { readonly no: number; readonly body: Uint8Array }[] {
    return this.#unsaved.map((no) => ({ no, body: encodeText(this.#names.get(no)!) }));
  }

  everyRow(): { readonly no: number; readonly body: Uint8Array }[] {
    return this.all().map(([no, name]) => ({ no, body: encodeText(name) }));
  }

  saved(rows: readonly { readonly no: number }[]): void {
    const gone = new Set(rows.map(({ no }) => no));
    this.#unsaved = this.#unsaved.filter((no) => !gone.has(no));
  }
}
