/**
 * How far an export is, in a file beside the part that is written: what was asked, what there is to read, the
 * place to go on from, and how long the part was there. It is replaced as a whole after the part is on disk, so
 * that after a kill -9 everything behind that length is cut off and read again, and nothing else.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describeError } from '../../../client/http.ts';
import { CommandError } from '../command-error.ts';
import type { Section } from './export-plan.ts';
import { partPathOf } from './output.ts';

/** Where to read on. */
export interface ExportPlace {
  /** Index. */
  readonly section: number;
  /** ns; points of the section before are in the file. */
  readonly from: string;
  /** Shard groups that the next answer holds. */
  readonly width: number;
}

export interface ExportState {
  readonly sections: readonly Section[];
  readonly place: ExportPlace;
  /** Bytes of the part. */
  readonly length: number;
  /** Characters, before packing. */
  readonly size: number;
  readonly points: number;
  readonly unwritable: number;
}

interface Contents {
  readonly task: string;
  readonly state: ExportState;
}

function syncFile(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export class ExportJournal {
  readonly path: string;
  readonly #task: string;
  /** As it was saved last; undefined = the export is at its beginning. */
  state: ExportState | undefined;

  private constructor(path: string, task: string, state: ExportState | undefined) {
    this.path = path;
    this.#task = task;
    this.state = state;
  }

  /**
   * Of the export to `file`; goes on where it stopped, if there is something to go on with. `task` must be what
   * it was begun with.
   * @throws CommandError when the part belongs to another export or is damaged
   */
  static open(file: string, task: string, restart: boolean): ExportJournal {
    const part = resolve(partPathOf(file));
    const path = `${part}.journal`;
    try {
      if (!restart && existsSync(path) && existsSync(part)) {
        return new ExportJournal(path, task, readState(path, part, task));
      }
      // One that stays would cut the file that is begun now.
      const journal = new ExportJournal(path, task, undefined);
      journal.remove();
      return journal;
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new CommandError(
        `cannot use the journal ${path}: ${describeError(error)}; -restart begins anew`,
      );
    }
  }

  /** @throws CommandError */
  save(state: ExportState): void {
    const contents: Contents = { task: this.#task, state };
    const fresh = `${this.path}.new`;
    try {
      writeFileSync(fresh, JSON.stringify(contents));
      syncFile(fresh);
      renameSync(fresh, this.path);
      syncFile(dirname(this.path));
    } catch (error) {
      throw new CommandError(`cannot write ${this.path}: ${describeError(error)}`);
    }
    this.state = state;
  }

  /** The file is whole, or begun anew. */
  remove(): void {
    rmSync(`${this.path}.new`, { force: true });
    if (!existsSync(this.path)) return;
    rmSync(this.path);
    syncFile(dirname(this.path));
  }
}

function readState(path: string, part: string, task: string): ExportState {
  const contents = JSON.parse(readFileSync(path, 'utf8')) as Contents;
  if (contents.task !== task) {
    throw new CommandError(
      `${part} was begun with other flags; -restart begins anew, another FILE leaves it as it is`,
    );
  }
  if (statSync(part).size < contents.state.length) {
    throw new CommandError(`${part} is shorter than its journal says; -restart begins anew`);
  }
  return contents.state;
}
