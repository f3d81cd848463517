/** What the user typed is wrong: shown as one line, exit status 2, never with a stack. */

export class UsageError extends Error {
  override readonly name = 'UsageError';
}
