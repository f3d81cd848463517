/** `citadel nodes` */

import type { CommandIo, CommandOptions } from './command-io.ts';
import { getInfo, type NodeInfo } from './info.ts';
import { renderBytes, renderTable, shortId } from './render-table.ts';

function renderState({ state, mark = '', problem }: NodeInfo): string {
  const marked = mark === '' ? state : `${state}, to ${mark}`;
  return problem === '' ? marked : `${marked}: ${problem}`;
}

export async function showNodes(options: CommandOptions, io: CommandIo): Promise<number> {
  const { nodes } = await getInfo(options);
  if (options.asJson) {
    io.out(`${JSON.stringify(nodes, undefined, 2)}\n`);
  } else {
    const rows = nodes.map((node) => [
      shortId(node.uuid),
      renderState(node),
      node.httpUrl,
      node.zone,
      node.shards,
      node.primaries,
      renderBytes(node.memoryBytes),
      renderBytes(node.storeBytes + node.logBytes),
      renderBytes(node.diskFreeBytes),
    ]);
    const head = ['NODE', 'STATE', 'HTTP', 'ZONE', 'SHARDS', 'PRIMARIES', 'MEMORY', 'DISK', 'FREE'];
    io.out(renderTable(head, rows));
  }
  return nodes.every(({ state }) => state === 'ok') ? 0 : 1;
}
