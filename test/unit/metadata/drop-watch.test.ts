/** Data goes only by a record that was read anew, of the right cluster, and goes in the end whatever fails. */

import { describe, expect, test } from 'vitest';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';
import { openCluster } from '../../../src/metadata/cluster-record.ts';
import { DropWatch } from '../../../src/metadata/drop-watch.ts';
import { openMemoryStore, shareStore } from '../../support/meta-store-faults.ts';

async function open(ownUuid = 'ours') {
  const env = createSimEnv(1);
  const bare = await openMemoryStore(env);
  await openCluster(bare, env.clock, { nodeUuid: 'a', clusterUuid: 'ours', shardCount: 1 });
  const drop = async (...ids: string[]) => {
    const onSuccess = ids.map(
      (id) => ({ kind: 'put', key: `dropped/${id}`, value: '{}' }) as const,
    );
    await bare.transaction({ compare: [], onSuccess });
  };
  await drop('d1', 'd2/r1');
  const store = shareStore(bare);
  const gone: string[] = [];
  const faults: string[] = [];
  const dropData = async (dbId: string, rpId: string | undefined) => {
    const name = [dbId, rpId].filter((id) => id !== undefined).join('/');
    if (faults.pop() !== undefined) throw new Error('busy');
    gone.push(name);
  };
  const watch = new DropWatch(env, store, { clusterUuid: ownUuid, dropData });
  return {
    bare,
    store,
    watch,
    drop,
    gone,
    faults,
    advance: env.scheduler.advance.bind(env.scheduler),
  };
}

describe('dropped data', () => {
  test('goes once, what was dropped before and what is dropped now', async () => {
    const { gone, drop, advance, watch, bare } = await open();
    await advance(0);
    expect(gone).toEqual(['d1', 'd2/r1']);
    await drop('d3', 'd1');
    await advance(0);
    expect(gone).toEqual(['d1', 'd2/r1', 'd3']);
    bare.compact((await bare.range('')).revision + 1);
    await watch.close();
    await drop('d4');
    await advance(60_000);
    expect(gone).toHaveLength(3);
  });

  test('stays while the store is away or the removal fails, and goes then', async () => {
    const { gone, faults, store, advance } = await open();
    store.fail = () => 'before';
    await advance(12_000);
    expect(gone).toEqual([]);
    store.fail = () => undefined;
    faults.push('once');
    await advance(5_000);
    expect(gone).toEqual(['d2/r1']);
    await advance(5_000);
    expect(gone).toEqual(['d2/r1', 'd1']);
  });

  test('stays when the record is gone again, or the cluster is another one', async () => {
    const foreign = await open('theirs');
    await foreign.advance(60_000);
    expect(foreign.gone).toEqual([]);

    const rewound = await open();
    const { transaction } = rewound.store;
    rewound.store.transaction = async (asked) => {
      await rewound.bare.transaction({
        compare: [],
        onSuccess: [{ kind: 'delete-prefix', prefix: 'dropped/' }],
      });
      return transaction(asked);
    };
    await rewound.advance(60_000);
    expect(rewound.gone).toEqual([]);
  });
});
