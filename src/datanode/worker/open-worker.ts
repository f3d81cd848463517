/** Opens a data worker: its logs, then its shards, with what of the logs the stores do not have yet. */

import type { WriteAnswer } from './messages.ts';
import { openGroup } from './open-group.ts';
import { PeerOutbox } from './peer-outbox.ts';
import type { ReplicaGroup } from './replica-group.ts';
import { TailServer } from './tail-server.ts';
import { WorkerCore } from './worker-core.ts';
import type { WorkerOptions } from './worker-options.ts';

/** Opens all that this worker owns. Errors as of stores and logs: `corrupt`, `unsupported-version`, ... */
export async function openWorker(options: WorkerOptions): Promise<WorkerCore> {
  const { env, disk, start, openStore, send } = options;
  const answers: WriteAnswer[] = [];
  const groups: ReplicaGroup[] = [];
  const tails = new TailServer({ env, groups, atStart: start.tails, send });
  const outbox = new PeerOutbox({ timers: env.timers, send });
  const opened: { core: WorkerCore | undefined } = { core: undefined };
  let replayedBytes = 0;
  for (const logId of start.logIds) {
    const group = await openGroup({
      env,
      disk,
      start,
      logId,
      openStore,
      tails: tails.holds,
      onProgress: (readBytes) => {
        replayedBytes += readBytes;
        send({ kind: 'progress', replayedBytes });
      },
      answer: (answer) => {
        answers.push(answer);
        opened.core?.queueAnswers();
      },
      onLogFailure: (error) => {
        if (error.code === 'disk-full') opened.core?.noteDiskFull();
      },
      post: send,
      outbox,
    });
    groups.push(group);
  }
  opened.core = new WorkerCore(options, { groups, answers, tails });
  return opened.core;
}
