/** A command could not do its work: one clear line and exit status 1. */

export class CommandError extends Error {
  override readonly name = 'CommandError';
}
