/** `citadel verify`: shows each shard's verdict as it comes, then the sum of it. */

import { sumDigests } from '../../../src/model/digest-sum.ts';
import { getJsonLines } from './ask-node.ts';
import type { CommandIo, CommandOptions } from './command-io.ts';
import { shortId } from './render-table.ts';

interface Verdict {
  readonly kind: string;
  readonly shard: number;
  readonly verdict: string;
  readonly replicas: readonly {
    readonly node: string;
    readonly cells: number;
    readonly digest?: string;
    readonly problem: string;
  }[];
  readonly differences: readonly string[];
}

/** Of shards that are not equal: what every copy said. */
function renderTrouble({ kind, shard, verdict, replicas, differences }: Verdict): string {
  const copies = replicas.map(({ node, cells, problem }) =>
    problem === '' ? `${shortId(node)} has ${cells} cells` : `${shortId(node)}: ${problem}`,
  );
  const where = differences.length === 0 ? '' : `; differs in ${differences.join(', ')}`;
  return `${kind} shard ${shard} is ${verdict}: ${copies.join('; ')}${where}\n`;
}

export async function verify(options: CommandOptions, io: CommandIo): Promise<number> {
  const { asJson } = options;
  let count = 0;
  let equal = 0;
  let cells = 0;
  const digests: string[] = [];
  for await (const verdict of getJsonLines<Verdict>(options, '/cluster/verify')) {
    count++;
    if (verdict.verdict === 'equal') equal++;
    cells += Math.max(0, ...verdict.replicas.map((replica) => replica.cells));
    const { digest } = verdict.replicas.find((replica) => replica.digest) ?? {};
    if (digest !== undefined) digests.push(digest);
    if (asJson) io.out(`${JSON.stringify(verdict)}\n`);
    else if (verdict.verdict !== 'equal') io.out(renderTrouble(verdict));
    if (io.isTerminal) io.err(`\r${count} shards compared, ${equal} equal`);
  }
  if (io.isTerminal) io.err('\n');
  const sum = `${cells} cells, digest ${sumDigests(digests)}`;
  if (!asJson) io.out(`${equal} of ${count} shards have equal copies (${sum})\n`);
  return equal === count ? 0 : 1;
}
