/** `citadel shards` */

import type { CommandIo, CommandOptions } from './command-io.ts';
import { type CopyInfo, getInfo, type ShardInfo } from './info.ts';
import { renderBytes, renderTable, shortId } from './render-table.ts';

/** `unused`: nothing was ever written there. */
const restingStates = new Set(['active', 'unused']);

function isWell({ state, faults }: CopyInfo): boolean {
  return restingStates.has(state) && faults.length === 0;
}

/** `1a2b3c4d*` is the primary; whatever is not well is said. */
function renderCopy(copy: CopyInfo): string {
  const { node, role, state, lagEntries, faults } = copy;
  const notes = [
    ...(state === 'active' ? [] : [state]),
    ...(lagEntries > 0 ? [`${lagEntries} behind`] : []),
    ...(faults.length > 0 ? [`${faults.length} damaged`] : []),
  ];
  const name = shortId(node) + (role === 'primary' ? '*' : '');
  return notes.length === 0 ? name : `${name} (${notes.join(', ')})`;
}

function renderRow(kind: string, { shard, epoch, degraded, copies }: ShardInfo) {
  return [
    kind,
    shard,
    epoch,
    copies.map(renderCopy).join(' ') + (degraded ? ' degraded' : ''),
    Math.max(0, ...copies.map(({ series }) => series)),
    renderBytes(Math.max(0, ...copies.map(({ diskBytes }) => diskBytes))),
  ];
}

export async function showShards(options: CommandOptions, io: CommandIo): Promise<number> {
  const { shards } = await getInfo(options);
  if (options.asJson) {
    io.out(`${JSON.stringify(shards, undefined, 2)}\n`);
  } else {
    const rows = Object.entries(shards).flatMap(([kind, list]) =>
      list.map((shard) => renderRow(kind, shard)),
    );
    io.out(renderTable(['KIND', 'SHARD', 'EPOCH', 'COPIES (* = PRIMARY)', 'SERIES', 'DISK'], rows));
  }
  const all = Object.values(shards).flat();
  return all.every(({ copies }) => copies.every(isWell)) ? 0 : 1;
}
