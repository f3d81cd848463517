/** What a command is given: where to ask and where to say it. */

import type { AskedNode } from './ask-node.ts';

export interface CommandIo {
  readonly out: (text: string) => void;
  /** Progress and complaints. */
  readonly err: (text: string) => void;
  readonly isTerminal: boolean;
}

/** Of any node of the cluster. */
export interface CommandOptions extends AskedNode {
  readonly asJson: boolean;
  /** What the command is about: a node, a number; '' = nothing. */
  readonly operand: string;
  readonly isDryRun: boolean;
  readonly isForced: boolean;
  readonly isCancelled: boolean;
  /** Stay until it is done. */
  readonly isWatching: boolean;
  /** `count` or `load`; '' = not said. */
  readonly by: string;
}
