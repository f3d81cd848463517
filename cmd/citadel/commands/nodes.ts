/** `citadel nodes` */

import type { CommandIo, CommandOptions } from './command-io.ts';
import { getInfo } from './info.ts';
import { renderBytes, renderTable, shortId } from './render-table.ts';

export async function showNodes({ url, asJson }: CommandOptions, io: CommandIo): Promise<number> {
  const { nodes } = await getInfo(url);
  if (asJson) {
    io.out(`${JSON.stringify(nodes, undefined, 2)}\n`);
  } else {
    const rows = nodes.map((node) => [
      shortId(node.uuid),
      node.problem === '' ? node.state : `${node.state}: ${node.problem}`,
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
