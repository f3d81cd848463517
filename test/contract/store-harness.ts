/** How the suite of storage engines writes and reads numbered cells with texts in each engine. */

import type { KStore } from '../../src/kstore/kstore.ts';
import { itemOf } from '../../src/model/key-list.ts';
import type { StoreEngine } from '../../src/model/store-engine.ts';
import type { SnapshotStore } from '../../src/model/store-snapshot.ts';
import type { TStore } from '../../src/tstore/tstore.ts';
import { kvFrame, never, openWorld as openKWorld, textOf } from '../unit/kstore/kstore-world.ts';
import {
  deleteFrame,
  openWorld,
  pointsFrame,
  rawPlan,
  readRows,
} from '../unit/tstore/store-world.ts';

export interface EngineHarness {
  readonly name: string;
  open(root: string): Promise<{
    readonly store: StoreEngine & SnapshotStore;
    readonly close: () => Promise<void>;
  }>;
  putFrame(cells: readonly (readonly [cell: number, text: string])[]): Uint8Array;
  /** Cells [from, until). */
  deleteFrame(from: number, until: number): Uint8Array;
  read(store: StoreEngine): Promise<Readonly<Record<number, string>>>;
}

const start = 1_600_000_000_000_000_000n;
const minute = 60_000_000_000n;
const plan = rawPlan('m', [['v', 'string']]);

/** Cell n is the field v of one series at minute n. */
export const tstoreHarness: EngineHarness = {
  name: 'tstore',
  async open(root) {
    const world = await openWorld({ root });
    return { store: world.store, close: () => world.close() };
  },
  putFrame: (cells) =>
    pointsFrame(
      cells.map(([cell, text]) => ({
        name: { measurement: 'm', tags: [] },
        time: start + BigInt(cell) * minute,
        fields: { v: { type: 'string', value: text } },
      })),
    ),
  deleteFrame: (from, until) =>
    deleteFrame({
      range: { min: start + BigInt(from) * minute, max: start + BigInt(until) * minute - 1n },
    }),
  async read(store) {
    const cells: Record<number, string> = {};
    for (const row of await readRows([store as TStore], plan)) {
      const [, time, text] = row.split(' ');
      cells[Number((BigInt(time!) - start) / minute)] = text!;
    }
    return cells;
  },
};

const wholeTable = { from: new Uint8Array(0), until: undefined };

/** Cell n is the key n of one table. */
export const kstoreHarness: EngineHarness = {
  name: 'kstore',
  async open(root) {
    const world = await openKWorld({ root });
    return { store: world.store, close: () => world.close() };
  },
  putFrame: (cells) =>
    kvFrame(
      't',
      cells.map(([cell, text]) => [String(cell), text]),
    ),
  deleteFrame: (from, until) =>
    kvFrame(
      't',
      Array.from({ length: until - from }, (_, i) => [String(from + i), undefined]),
    ),
  async read(store) {
    const cells: Record<number, string> = {};
    for await (const { keys, values } of (store as KStore).scan('t', wholeTable, never)) {
      for (let i = 0; i < keys.ends.length; i++) {
        cells[Number(textOf(itemOf(keys, i)))] = textOf(itemOf(values, i));
      }
    }
    return cells;
  },
};
