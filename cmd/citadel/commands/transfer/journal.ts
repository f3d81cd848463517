/**
 * How far an import is, in a file beside it: a line of JSON per step that is done, the first says what is
 * imported where. A step is noted after the server has acknowledged it, so that after a kill -9 at most the
 * last one is done again. A last line that is not whole is left out.
 */

import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describeError } from '../../../client/http.ts';
import { CommandError } from '../command-error.ts';

export class Journal<Step> {
  readonly path: string;
  /** Steps of earlier runs. */
  readonly steps: readonly Step[];
  readonly #head: string;
  #isBegun: boolean;

  private constructor(path: string, head: string, steps: readonly Step[]) {
    this.path = path;
    this.steps = steps;
    this.#head = head;
    this.#isBegun = steps.length > 0;
  }

  /**
   * Goes on with the journal at `path`, if there is one. `task` must be what it was begun with.
   * @throws CommandError when it belongs to something else
   */
  static open<Step>(path: string, task: string, restart: boolean): Journal<Step> {
    const full = resolve(path);
    const head = JSON.stringify({ task });
    if (restart || !existsSync(full)) return new Journal(full, head, []);
    let lines: string[];
    let steps: Step[];
    try {
      lines = readFileSync(full, 'utf8').split('\n').slice(0, -1);
      steps = lines.slice(1).map((line) => JSON.parse(line) as Step);
      // A torn line must not run into the next one.
      if (lines[0] === head) writeFileSync(full, `${lines.join('\n')}\n`);
    } catch (error) {
      throw new CommandError(`cannot use the journal ${full}: ${describeError(error)}`);
    }
    if (lines.length === 0 || lines[0] === head) return new Journal(full, head, steps);
    throw new CommandError(
      `the journal ${full} belongs to another import, or what is imported has changed; -restart begins anew, -journal names another file`,
    );
  }

  note(step: Step): void {
    if (!this.#isBegun) writeFileSync(this.path, `${this.#head}\n`);
    this.#isBegun = true;
    appendFileSync(this.path, `${JSON.stringify(step)}\n`);
  }

  /** Everything is done. */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}
