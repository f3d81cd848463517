/** What a command is given: where to ask and where to say it. */

export interface CommandIo {
  readonly out: (text: string) => void;
  /** Progress and complaints. */
  readonly err: (text: string) => void;
  readonly isTerminal: boolean;
}

export interface CommandOptions {
  /** Any node of the cluster. */
  readonly url: string;
  readonly asJson: boolean;
  /** What the command is about: a node, a number; '' = nothing. */
  readonly operand: string;
  readonly isDryRun: boolean;
  readonly isForced: boolean;
  readonly isCancelled: boolean;
}
