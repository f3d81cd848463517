/** Which worker thread owns which commit logs. */

/** Logs are dealt out to threads in turn. */
export function dealLogs(logCount: number, threads: number): number[][] {
  const count = Math.min(threads, logCount);
  const dealt: number[][] = Array.from({ length: count }, () => []);
  for (let log = 0; log < logCount; log++) dealt[log % count]!.push(log);
  return dealt;
}
