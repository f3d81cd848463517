/** Where an export goes: a file or standard output, packed when asked, never faster than it is taken. */

import { createWriteStream, renameSync, rmSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { createGzip, type Gzip } from 'node:zlib';
import { encodeText } from '../../../../src/base/text.ts';
import { describeError } from '../../../client/http.ts';
import { CommandError } from '../command-error.ts';

/** The reader of our output has gone (`| head`): nothing is wrong. */
export class ReaderGone extends Error {}

const pieceSize = 1 << 18;

/** A file gets its name only when it is whole. */
export class Output {
  readonly #path: string;
  readonly #sink: Writable;
  readonly #gzip: Gzip | undefined;
  #failure: Error | undefined;
  #held: string[] = [];
  #heldSize = 0;
  /** Characters, before packing. */
  size = 0;

  /** '' = standard output. */
  constructor(path: string, isPacked: boolean) {
    this.#path = path;
    this.#sink = path === '' ? process.stdout : createWriteStream(this.#partPath);
    this.#gzip = isPacked ? createGzip({ level: 6 }) : undefined;
    this.#gzip?.pipe(this.#sink);
    this.#sink.on('error', (error) => {
      this.#failure = error;
    });
  }

  get #partPath(): string {
    return `${this.#path}.part`;
  }

  /** Resolves when there is room for more. @throws CommandError, ReaderGone */
  async write(text: string): Promise<void> {
    this.#held.push(text);
    this.#heldSize += text.length;
    this.size += text.length;
    if (this.#heldSize >= pieceSize) await this.#flush();
  }

  /** @throws CommandError, ReaderGone */
  async close(): Promise<void> {
    await this.#flush();
    const target = this.#gzip ?? this.#sink;
    if (this.#path !== '') {
      await this.#settle(this.#sink, 'finish', () => target.end());
      this.#check();
      renameSync(this.#partPath, this.#path);
    } else if (this.#gzip !== undefined) {
      // Standard output stays open.
      await this.#settle(this.#gzip, 'end', () => target.end());
    }
    this.#check();
  }

  /** Nothing is left of a file that is not whole. */
  discard(): void {
    if (this.#path === '') return;
    this.#sink.destroy();
    rmSync(this.#partPath, { force: true });
  }

  async #flush(): Promise<void> {
    this.#check();
    if (this.#held.length === 0) return;
    const bytes = encodeText(this.#held.join(''));
    this.#held = [];
    this.#heldSize = 0;
    const target = this.#gzip ?? this.#sink;
    if (!target.write(bytes)) await this.#settle(target, 'drain', () => undefined);
    this.#check();
  }

  /** A sink that failed never drains or finishes: its failure counts too. */
  async #settle(stream: Writable, event: string, begin: () => void): Promise<void> {
    await new Promise<void>((resolve) => {
      const sink = this.#sink;
      const done = () => {
        stream.off(event, done);
        sink.off('error', done);
        sink.off('close', done);
        resolve();
      };
      stream.on(event, done);
      sink.on('error', done);
      sink.on('close', done);
      begin();
    });
  }

  #check(): void {
    if (this.#failure === undefined) return;
    if ((this.#failure as NodeJS.ErrnoException).code === 'EPIPE') throw new ReaderGone();
    const where = this.#path === '' ? 'standard output' : this.#path;
    throw new CommandError(`cannot write ${where}: ${describeError(this.#failure)}`);
  }
}
