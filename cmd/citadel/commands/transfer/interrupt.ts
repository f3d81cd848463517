/** Ctrl-C: the first one asks to stop cleanly, a second one ends the process as usual. */

export function catchInterrupt(): AbortSignal {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  return stop.signal;
}

export const interruptedStatus = 130;
