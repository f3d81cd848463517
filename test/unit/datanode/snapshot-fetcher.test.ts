/** Snapshots on their way in: few at a time, at the pace of the merge, with growing pauses after failures. */

import { describe, expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { SnapshotFetcher } from '../../../src/datanode/snapshot-fetcher.ts';
import type { ClusterToWorker } from '../../../src/datanode/worker/cluster-messages.ts';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';
import type { SnapshotTransport } from '../../../src/rpc/snapshot-api.ts';

const mebibyte = 1024 * 1024;

interface Rig {
  readonly env: ReturnType<typeof createSimEnv>;
  readonly fetcher: SnapshotFetcher;
  readonly sent: ClusterToWorker[];
  /** Shards being fetched now. */
  readonly active: Set<number>;
  readonly starts: { readonly shard: number; readonly atMs: number }[];
  fails: boolean;
}

function makeRig(makePieces: () => readonly Uint8Array[]): Rig {
  const env = createSimEnv(1);
  const sent: ClusterToWorker[] = [];
  const transport: SnapshotTransport = {
    serveSnapshots: () => undefined,
    async *fetchSnapshot(_node, _kind, shard, signal) {
      rig.starts.push({ shard, atMs: env.clock.monotonicMs() });
      rig.active.add(shard);
      try {
        for (const piece of makePieces()) {
          await env.timers.sleep(1, signal);
          if (rig.fails) throw new CitadelError('unavailable', 'the stream broke');
          yield piece;
        }
      } finally {
        rig.active.delete(shard);
      }
    },
  };
  const fetcher = new SnapshotFetcher({
    timers: env.timers,
    transport,
    send: (_shard, message, transfer) =>
      sent.push(structuredClone(message, { transfer: [...transfer] })),
  });
  const rig: Rig = { env, fetcher, sent, active: new Set(), starts: [], fails: false };
  return rig;
}

function piecesOf({ sent }: Rig, shard: number): number[] {
  return sent.flatMap((one) =>
    one.kind === 'snapshot-piece' && one.shard === shard ? [one.piece[0]!] : [],
  );
}

function endsOf({ sent }: Rig, shard: number): (string | undefined)[] {
  return sent.flatMap((one) =>
    one.kind === 'snapshot-end' && one.shard === shard ? [one.failure?.code ?? 'whole'] : [],
  );
}

describe('a snapshot', () => {
  test('arrives piece by piece, in order, also when pieces share a buffer', async () => {
    const shared = Uint8Array.of(1, 2, 3);
    const rig = makeRig(() => [
      shared.subarray(0, 1),
      shared.subarray(1, 2),
      shared.subarray(2, 3),
    ]);
    rig.fetcher.start(0, 'peer');
    await rig.env.scheduler.advance(100);
    expect(piecesOf(rig, 0)).toEqual([1, 2, 3]);
    expect(endsOf(rig, 0)).toEqual(['whole']);
  });

  test('waits while the merge is behind', async () => {
    const rig = makeRig(() =>
      Array.from({ length: 20 }, (_, i) => new Uint8Array(mebibyte).fill(i)),
    );
    rig.fetcher.start(0, 'peer');
    await rig.env.scheduler.advance(1_000);
    const first = piecesOf(rig, 0).length;
    expect(first).toBeLessThan(8);
    rig.fetcher.taken(0, mebibyte);
    rig.fetcher.taken(0, mebibyte);
    await rig.env.scheduler.advance(1_000);
    expect(piecesOf(rig, 0)).toHaveLength(first + 2);
    rig.fetcher.stop(0);
    await rig.env.scheduler.advance(10);
    expect(endsOf(rig, 0)).toEqual(['cancelled']);
    expect(rig.active.size).toBe(0);
  });

  test('of which two come at once; the others take their turn', async () => {
    const rig = makeRig(() => [new Uint8Array(1), new Uint8Array(1)]);
    let most = 0;
    for (let shard = 0; shard < 7; shard++) rig.fetcher.start(shard, 'peer');
    for (let i = 0; i < 50; i++) {
      await rig.env.scheduler.advance(1);
      most = Math.max(most, rig.active.size);
    }
    expect(most).toBe(2);
    for (let shard = 0; shard < 7; shard++) expect(endsOf(rig, shard)).toEqual(['whole']);
  });

  test('that failed is told at once, and asked for again it waits longer each time', async () => {
    const rig = makeRig(() => [new Uint8Array(1)]);
    rig.fails = true;
    for (let attempt = 1; attempt <= 5; attempt++) {
      rig.fetcher.start(3, 'peer');
      await rig.env.scheduler.advance(60_000);
      expect(endsOf(rig, 3)).toHaveLength(attempt);
    }
    const pauses = rig.starts.map(({ atMs }, i) => Math.round(atMs - i * 60_000));
    expect(pauses).toEqual([0, 500, 1_000, 2_000, 4_000]);
    rig.fails = false;
    rig.fetcher.start(3, 'peer');
    await rig.env.scheduler.advance(60_000);
    expect(endsOf(rig, 3).at(-1)).toBe('whole');
  });

  test('ends with the node', async () => {
    const rig = makeRig(() => Array.from({ length: 1_000 }, () => new Uint8Array(1)));
    for (let shard = 0; shard < 4; shard++) rig.fetcher.start(shard, 'peer');
    await rig.env.scheduler.advance(5);
    await rig.env.scheduler.run(rig.fetcher.close());
    expect(rig.active.size).toBe(0);
    for (let shard = 0; shard < 4; shard++) expect(endsOf(rig, shard)).toEqual(['cancelled']);
  });
});
