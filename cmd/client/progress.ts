/** A line of progress on stderr: rewritten in place on a terminal, now and then a new line elsewhere. */

const terminalPeriodMs = 500;
const filePeriodMs = 5_000;

export class Progress {
  readonly #render: () => string;
  readonly #inPlace = process.stderr.isTTY === true;
  readonly #timer: NodeJS.Timeout;

  constructor(render: () => string) {
    this.#render = render;
    this.#timer = setInterval(() => this.#show(), this.#inPlace ? terminalPeriodMs : filePeriodMs);
    this.#timer.unref();
  }

  /** Shows a message above the progress line. */
  note(message: string): void {
    process.stderr.write(this.#inPlace ? `\r\x1b[K${message}\n` : `${message}\n`);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#show();
    if (this.#inPlace) process.stderr.write('\n');
  }

  #show(): void {
    process.stderr.write(this.#inPlace ? `\r\x1b[K${this.#render()}` : `${this.#render()}\n`);
  }
}
