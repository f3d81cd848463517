/** Where an export goes: a file or standard output, packed when asked, never faster than it is taken. */

import { renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { encodeText } from '../../../../src/base/text.ts';
import { describeError } from '../../../client/http.ts';
import { CommandError } from '../command-error.ts';

/** The reader of our output has gone (`| head`): nothing is wrong. */
export class ReaderGone extends Error {}

/** Characters; each piece is a member of its own in a gzip file, so that the file can be cut between them. */
const pieceSize = 1 << 20;

const pack = promisify(gzip);

/** What a file that is gone on with keeps of earlier runs. */
export interface KeptOutput {
  /** Bytes of the file; what stands behind is cut off. */
  readonly length: number;
  /** Characters, before packing. */
  readonly size: number;
}

/** The file until it is whole. */
export function partPathOf(path: string): string {
  return `${path}.part`;
}

/** A file gets its name only when it is whole. */
export class Output {
  readonly #path: string;
  readonly #file: FileHandle | undefined;
  readonly #isPacked: boolean;
  #length: number;
  #failure: unknown;
  #held: string[] = [];
  #heldSize = 0;
  /** The piece that is being packed and written. */
  #writing: Promise<void> = Promise.resolve();
  /** Characters, before packing. */
  size: number;

  private constructor(
    path: string,
    file: FileHandle | undefined,
    isPacked: boolean,
    kept: KeptOutput,
  ) {
    this.#path = path;
    this.#file = file;
    this.#isPacked = isPacked;
    this.#length = kept.length;
    this.size = kept.size;
    // Its failures come by the callbacks of writes.
    if (file === undefined) process.stdout.on('error', () => undefined);
  }

  /** '' = standard output, which keeps nothing. @throws CommandError */
  static async open(path: string, isPacked: boolean, kept: KeptOutput): Promise<Output> {
    if (path === '') return new Output(path, undefined, isPacked, kept);
    try {
      const file = await open(partPathOf(path), 'a');
      await file.truncate(kept.length);
      return new Output(path, file, isPacked, kept);
    } catch (error) {
      throw new CommandError(`cannot write ${path}: ${describeError(error)}`);
    }
  }

  /** Resolves when there is room for more. @throws CommandError, ReaderGone */
  async write(text: string): Promise<void> {
    this.#held.push(text);
    this.#heldSize += text.length;
    this.size += text.length;
    if (this.#heldSize >= pieceSize) await this.#flush();
  }

  /** Everything so far is on disk; resolves with the bytes of the file. @throws CommandError */
  async mark(): Promise<number> {
    await this.#settle();
    await this.#try(async () => this.#file?.datasync());
    return this.#length;
  }

  /** @throws CommandError, ReaderGone */
  async close(): Promise<void> {
    await this.#settle();
    // A packed file of nothing is not an empty file.
    if (this.#isPacked && this.#length === 0) await this.#put(new Uint8Array());
    this.#check();
    const file = this.#file;
    if (file === undefined) return;
    await this.#try(async () => {
      await file.sync();
      await file.close();
      renameSync(partPathOf(this.#path), this.#path);
    });
  }

  /** Leaves a file that is not whole as it is, to be gone on with. */
  async leave(): Promise<void> {
    await this.#writing;
    await this.#file?.close().catch(() => undefined);
  }

  /** Nothing is left of a file that is not whole. */
  async discard(): Promise<void> {
    await this.leave();
    if (this.#path !== '') rmSync(partPathOf(this.#path), { force: true });
  }

  /** Hands on what is held, once the piece before is written. */
  async #flush(): Promise<void> {
    await this.#writing;
    this.#check();
    if (this.#held.length === 0) return;
    const bytes = encodeText(this.#held.join(''));
    this.#held = [];
    this.#heldSize = 0;
    this.#writing = this.#put(bytes);
  }

  async #settle(): Promise<void> {
    await this.#flush();
    await this.#writing;
    this.#check();
  }

  /** Never rejects: a failure is kept for `#check`. */
  async #put(bytes: Uint8Array): Promise<void> {
    try {
      const packed = this.#isPacked ? await pack(bytes, { level: 6 }) : bytes;
      if (this.#file === undefined) await print(packed);
      else await this.#file.appendFile(packed);
      this.#length += packed.length;
    } catch (error) {
      this.#failure ??= error;
    }
  }

  async #try(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failure ??= error;
    }
    this.#check();
  }

  #check(): void {
    if (this.#failure === undefined) return;
    if ((this.#failure as NodeJS.ErrnoException).code === 'EPIPE') throw new ReaderGone();
    const where = this.#path === '' ? 'standard output' : this.#path;
    throw new CommandError(`cannot write ${where}: ${describeError(this.#failure)}`);
  }
}

function print(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
