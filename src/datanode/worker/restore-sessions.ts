/** Sections of backups on their way into replicas: piece by piece, each session one section of one shard. */

import { CitadelError } from '../../base/errors.ts';
import type { Env, TimerHandle } from '../../env/env.ts';
import type { SnapshotMerge } from '../../model/store-snapshot.ts';
import { shardOfSlot } from '../slots.ts';
import type { RestoreStep } from './restore-step.ts';
import type { ShardReplica } from './shard-replica.ts';

/** A session that nobody goes on with holds tombstones back. */
const idleMsMax = 60_000;
const sessionsMax = 64;

interface Session {
  readonly replica: ShardReplica;
  readonly merge: SnapshotMerge;
  idle: TimerHandle;
}

export class RestoreSessions {
  readonly #env: Pick<Env, 'timers'>;
  /** Opens a replica of keys that nothing was written to yet. @throws CitadelError `redirect` */
  readonly #replicaOf: (shard: number) => Promise<ShardReplica>;
  readonly #sessions = new Map<string, Session>();

  constructor(env: Pick<Env, 'timers'>, replicaOf: (shard: number) => Promise<ShardReplica>) {
    this.#env = env;
    this.#replicaOf = replicaOf;
  }

  async take(request: RestoreStep): Promise<void> {
    if (request.step === 'open') {
      await this.#open(request);
      return;
    }
    const { session: id } = request;
    const session = this.#sessions.get(id);
    if (session === undefined) throw new CitadelError('not-found', `no restore ${id} is under way`);
    session.idle.cancel();
    try {
      await this.#go(id, session, request);
    } catch (error) {
      this.#sessions.delete(id);
      throw error;
    }
  }

  async #open({ session: id, shard, databases }: Extract<RestoreStep, { step: 'open' }>) {
    if (this.#sessions.size >= sessionsMax) {
      throw new CitadelError('overloaded', 'too many restores at once on this node');
    }
    const replica = await this.#replicaOf(shard);
    const { phase } = replica.state;
    if (phase !== 'active' || replica.store.hasDamagedFiles) {
      const message = `cannot restore into shard ${shardOfSlot(shard)}: its copy here is not well`;
      throw new CitadelError('unavailable', message);
    }
    const merge = await replica.alone(() => replica.store.openRestore(databases));
    this.#sessions.set(id, { replica, merge, idle: this.#watch(id) });
  }

  #watch(id: string): TimerHandle {
    return this.#env.timers.after(idleMsMax, () => {
      const session = this.#sessions.get(id);
      this.#sessions.delete(id);
      session?.merge.abandon().catch(() => undefined);
    });
  }

  async #go(
    id: string,
    session: Session,
    request: Exclude<RestoreStep, { step: 'open' }>,
  ): Promise<void> {
    const { replica, merge } = session;
    switch (request.step) {
      case 'add':
        await replica.alone(() => merge.add(request.piece));
        session.idle = this.#watch(id);
        return;
      case 'finish': {
        const { hlcMax } = await replica.alone(() => merge.finish());
        // Whatever is written from now on is newer.
        replica.clock.observe(hlcMax);
        this.#sessions.delete(id);
      }
    }
  }
}
