/** Citadel and a real InfluxDB side by side: the same program is run against both. */

import { isDeepStrictEqual } from 'node:util';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { type InfluxdProcess, startInfluxd } from '../support/influxd-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

export interface ServerPair {
  readonly citadel: CitadelProcess;
  readonly influxd: InfluxdProcess;
  /** Empty, for what programs need. */
  readonly directory: string;
  /** What `work` gives for each. */
  both<T>(
    work: (server: { url: string; port: number }) => Promise<T>,
  ): Promise<{ ours: T; theirs: T }>;
  /**
   * The same, but asked again when the two differ: InfluxDB may miss a shard that was made a moment ago. For
   * work that may be repeated.
   */
  bothSettled<T>(
    work: (server: { url: string; port: number }) => Promise<T>,
  ): Promise<{ ours: T; theirs: T }>;
  stop(): Promise<void>;
}

export async function startPair(): Promise<ServerPair> {
  const directory = makeTempDir('clients');
  const [citadel, influxd] = await Promise.all([
    startCitadel({ args: ['-fsync', 'never'] }),
    startInfluxd(),
  ]);
  const both: ServerPair['both'] = async (work) => {
    const [ours, theirs] = await Promise.all([work(citadel), work(influxd)]);
    return { ours, theirs };
  };
  return {
    citadel,
    influxd,
    directory,
    both,
    bothSettled: async (work) => {
      const first = await both(work);
      return isDeepStrictEqual(first.ours, first.theirs) ? first : both(work);
    },
    stop: async () => {
      await Promise.all([citadel.cleanUp(), influxd.stop()]);
      removeTempDir(directory);
    },
  };
}
