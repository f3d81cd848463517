/** Something that lets others run in between: long loops ask it now and then. */
export interface Breather {
  /** True when it is time to: loops look at it first, and only then wait. */
  readonly isDue: boolean;
  /** Waits a turn if it is time to. */
  breathe(): Promise<void>;
}
