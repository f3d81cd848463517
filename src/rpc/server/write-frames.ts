/** Writes that came in one call, from a node of a release without streams of writes: all begun at once, their outcomes told in groups, as they come. */

import { setMaxListeners } from 'node:events';
import type { DataNodeApi, WriteShardRequest } from '../data-node-api.ts';
import { dataNodeService } from '../methods.ts';
import { decodeWrites, toValue, type WriteOutcome } from '../wire/writes.ts';
import { type ServiceHost, toAnswerable } from './call-scope.ts';

/** Never rejects. */
export async function writeOne(
  host: ServiceHost,
  dataNode: DataNodeApi,
  request: WriteShardRequest,
  signal: AbortSignal,
): Promise<Omit<WriteOutcome, 'index'>> {
  try {
    const answer = await dataNode.writeShard(request, signal);
    return { mapVersion: host.view.map.version, answer, failure: undefined };
  } catch (error) {
    const failure = toAnswerable(error, host, dataNodeService.WriteShards.path);
    return { mapVersion: host.view.map.version, answer: undefined, failure };
  }
}

/** Outcomes that are there in the same turn are one group. */
export async function* writeFrames(
  host: ServiceHost,
  dataNode: DataNodeApi,
  message: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<readonly object[]> {
  const requests = decodeWrites(message);
  host.noteDropped(message.length);
  setMaxListeners(0, signal);
  let group: object[] = [];
  let wake: () => void = () => undefined;
  const begin = async (request: WriteShardRequest, index: number): Promise<void> => {
    const outcome = await writeOne(host, dataNode, request, signal);
    group.push(toValue({ index, ...outcome }));
    wake();
  };
  const running = Promise.all(requests.map(begin));
  for (let left = requests.length; left > 0; ) {
    if (group.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const told = group;
    group = [];
    left -= told.length;
    yield told;
  }
  await running;
}
