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
  isUrgent: boolean;
}

/** `lateMs`: by how much every timer of the node is late. */
function makeRig(makePieces: () => readonly Uint8Array[], lateMs = 0): Rig {
  const env = createSimEnv(1);
  const { timers, clock } = env;
  const sleep = (ms: number, signal?: AbortSignal) => timers.sleep(ms + lateMs, signal);
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
    env: { clock, timers: { ...timers, sleep } },
    isUrgent: () => rig.isUrgent,
    transport,
    send: (_shard, message, transfer) =>
      sent.push(structuredClone(message, { transfer: [...transfer] })),
  });
  const active = new Set<number>();
  const rig: Rig = { env, fetcher, sent, active, starts: [], fails: false, isUrgent: true };
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

describe('the pace of a snapshot', () => {
  const pieces = () => Array.from({ length: 20 }, () => new Uint8Array(mebibyte));

  /** Until it ends, in ms; each piece is merged in 40 ms. */
  async function takes(lateMs: number, isUrgent: boolean): Promise<number> {
    const rig = makeRig(pieces, lateMs);
    rig.isUrgent = isUrgent;
    rig.fetcher.start(0, 'peer');
    let merged = 0;
    for (let ms = 40; ms < 60_000; ms += 40) {
      await rig.env.scheduler.advance(40);
      if (piecesOf(rig, 0).length > merged) {
        merged++;
        rig.fetcher.taken(0, mebibyte);
      }
      if (endsOf(rig, 0).length > 0) return ms;
    }
    throw new Error('it never ends');
  }

  test('follows how busy the node is, never below a least rate, and is none where copies are missing', async () => {
    const calm = await takes(0, false);
    const busy = await takes(6, false);
    const full = await takes(500, false);
    expect(calm).toBeLessThan(1_500);
    expect(busy).toBeGreaterThan(calm * 1.5);
    expect(full).toBeGreaterThan(busy);
    // Every piece asks the timer once; the rest is 20 MiB at 2 MiB/s.
    expect(full).toBeLessThan(20 * 2 * 505 + 10_000 + 2_000);
    expect(await takes(500, true)).toBeLessThan(1_500);
  });
});
