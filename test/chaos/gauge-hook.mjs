/**
 * Loaded into a server before its own code (`node --expose-gc --import`): at SIGUSR2 it collects garbage
 * and writes one line that says what the process still holds. The line begins with `gauge `.
 */

process.on('SIGUSR2', () => {
  globalThis.gc?.();
  globalThis.gc?.();
  const resources = {};
  for (const kind of process.getActiveResourcesInfo()) {
    resources[kind] = (resources[kind] ?? 0) + 1;
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const gauge = { heapUsed, external, arrayBuffers, rss, resources };
  process.stderr.write(`gauge ${JSON.stringify(gauge)}\n`);
});
