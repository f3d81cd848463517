/**
 * The controller: of all nodes one is the leader, observes, decides and changes records.
 *
 * Leadership is a key under the node's lease. It is a hint: what keeps two leaders from doing harm is that each
 * of their transactions is guarded by the leadership's create revision and by the revision of the record
 * that was observed. So a leader that was paused for an hour finds its next transaction refused.
 */

import type { Env, TimerHandle } from '../../env/env.ts';
import { liveNodesOf } from '../../model/cluster.ts';
import { parseRecord, renderRecord } from '../catalog-records.ts';
import { touchMapVersion } from '../cluster-record.ts';
import { renderShard } from '../cluster-records.ts';
import type { ClusterWatch } from '../cluster-watch.ts';
import { storeKinds } from '../map-state.ts';
import { balanceKey, leaderKey, shardKey } from '../meta-keys.ts';
import { isAbsent, type MetaCompare, type MetaOp, type MetaRecord } from '../meta-store.ts';
import type { Session } from '../session.ts';
import { AbsenceWatch } from './absence.ts';
import {
  type Action,
  type DecisionRules,
  decide,
  defaultRules,
  findDead,
  type NodeFacts,
  type Observed,
  type ObservedKind,
  replicaName,
} from './decide.ts';
import { type Learner, LearnerWatch } from './learner-watch.ts';
import { type AskReplicas, loadsOf, type NodeReport, ReplicaReports } from './replica-reports.ts';

const turnPeriodMs = 500;
/** Between two attempts to be elected while nothing happens. */
const campaignPeriodMs = 2_000;
/** What nodes say of their replicas is asked for again after so long, for what needs it. */
const reportAgeMs = { learners: 5_000, asked: 2_000, loads: 30_000 } as const;

interface Leadership {
  readonly lease: string;
  readonly createRevision: number;
}

type ControllerEnv = Pick<Env, 'clock' | 'timers' | 'log'>;

export class Controller {
  readonly #env: ControllerEnv;
  readonly #view: ClusterWatch;
  readonly #session: Session;
  readonly #rules: DecisionRules;
  readonly #reports: ReplicaReports;
  readonly #learners = new LearnerWatch();
  readonly #absence = new AbsenceWatch();
  readonly #stops: (() => void)[] = [];
  #leadership: Leadership | undefined;
  #leader: string | undefined;
  #campaignedMs = Number.NEGATIVE_INFINITY;
  #nodes = '';
  #calmSinceMs = 0;
  #turn: Promise<void> | undefined;
  #isAskedAgain = false;
  #closed = false;

  constructor(
    env: ControllerEnv,
    view: ClusterWatch,
    session: Session,
    askReplicas: AskReplicas,
    rules: DecisionRules = defaultRules,
  ) {
    this.#env = env;
    this.#view = view;
    this.#session = session;
    this.#rules = rules;
    this.#reports = new ReplicaReports(env.clock, askReplicas);
  }

  /** This node's controller is the active one, as far as it knows. */
  get isLeader(): boolean {
    return this.#leadership !== undefined;
  }

  /** The leader's uuid as last heard. */
  get leader(): string | undefined {
    return this.#leader;
  }

  start(): void {
    const timer: TimerHandle = this.#env.timers.every(turnPeriodMs, () => this.#wake());
    this.#stops.push(() => timer.cancel());
    this.#stops.push(
      this.#view.onChange(({ nodes }) => {
        const isLeaderGone = this.#leader !== undefined && !nodes.has(this.#leader);
        if (this.#noteNodes() || isLeaderGone) this.#campaignedMs = Number.NEGATIVE_INFINITY;
        this.#wake();
      }),
    );
    this.#wake();
  }

  /** Resolves when no transaction is under way. The leadership ends with the session's lease. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops.splice(0)) stop();
    await this.#turn;
    this.#leadership = undefined;
  }

  #wake(): void {
    if (this.#closed) return;
    this.#isAskedAgain = true;
    this.#turn ??= this.#run().finally(() => {
      this.#turn = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#isAskedAgain && !this.#closed) {
      this.#isAskedAgain = false;
      try {
        await this.#takeTurn();
      } catch (error) {
        // The store is away or refused, which the view reports; the next turn begins with what is there then.
        this.#env.log.debug('controller waits', { error: String(error) });
      }
    }
  }

  async #takeTurn(): Promise<void> {
    const { lease } = this.#session;
    this.#noteNodes();
    if (lease !== this.#leadership?.lease) this.#resign();
    if (lease === undefined || !this.#view.isFollowing) return;
    if (this.#leadership === undefined && !(await this.#campaign(lease))) return;
    const observed = await this.#observe();
    for (const action of decide(observed, this.#rules)) {
      if (this.#closed || !(await this.#perform(action))) return;
    }
  }

  /** Whether the set of nodes that can be primaries is another one. */
  #noteNodes(): boolean {
    const nodes = [...liveNodesOf(this.#view.map)].sort().join();
    if (nodes === this.#nodes) return false;
    this.#nodes = nodes;
    this.#calmSinceMs = this.#env.clock.monotonicMs();
    return true;
  }

  async #observe(): Promise<Observed> {
    const kinds = storeKinds.flatMap((kind): ObservedKind[] => {
      const layout = this.#view.layout(kind);
      return layout === undefined ? [] : [{ kind, layout, placed: this.#view.placed(kind) }];
    });
    const calmMs = this.#env.clock.monotonicMs() - this.#calmSinceMs;
    const { map, balance } = this.#view;
    return { map, kinds, calmMs, nodes: await this.#observeNodes(kinds, calmMs), balance };
  }

  async #observeNodes(kinds: readonly ObservedKind[], calmMs: number): Promise<NodeFacts> {
    const { map, marks } = this.#view;
    const nowMs = this.#env.clock.monotonicMs();
    const absentMs = this.#absence.look(map, nowMs);
    const givenUp = new Set([...marks].flatMap(([node, mark]) => (mark === 'remove' ? node : [])));
    const facts: NodeFacts = {
      outgoing: new Set(marks.keys()),
      absentMs,
      givenUp,
      complete: new Set<string>(),
    };
    const records = kinds.flatMap(({ kind, placed }) =>
      [...placed.values()].map((record) => ({ kind, ...record })),
    );
    const dead = findDead(facts, this.#rules);
    const isDeadLeaving = records.some(({ leaving }) => leaving !== undefined && dead.has(leaving));
    const learners = records.flatMap(({ kind, shard, learner }): Learner[] =>
      learner === undefined ? [] : [{ kind, shard, node: learner }],
    );
    const isAtRest = learners.length === 0 && records.every(({ leaving }) => leaving === undefined);
    const ageMs = isDeadLeaving ? 0 : this.#ageOfReports(learners.length > 0, isAtRest, calmMs);
    const reports = ageMs === undefined ? [] : await this.#reports.get(ageMs);
    return {
      ...facts,
      complete: completeIn(reports),
      unfit: this.#learners.look(learners, reports, nowMs),
      loads: isAtRest && reports.length > 0 ? loadsOf(reports) : undefined,
    };
  }

  /** How old the nodes' reports may be for what is to be decided; undefined = they are not needed. */
  #ageOfReports(hasLearners: boolean, isAtRest: boolean, calmMs: number): number | undefined {
    if (hasLearners) return reportAgeMs.learners;
    if (!isAtRest) return undefined;
    if (this.#view.balance !== undefined) return reportAgeMs.asked;
    return calmMs >= this.#rules.balanceAfterMs ? reportAgeMs.loads : undefined;
  }

  async #campaign(lease: string): Promise<boolean> {
    const nowMs = this.#env.clock.monotonicMs();
    if (nowMs < this.#campaignedMs + campaignPeriodMs) return false;
    this.#campaignedMs = nowMs;
    const value = renderRecord({ node: this.#view.self });
    const { succeeded, revision, results } = await this.#view.store.transaction({
      compare: [isAbsent(leaderKey)],
      onSuccess: [{ kind: 'put', key: leaderKey, value, lease }],
      onFailure: [{ kind: 'get', key: leaderKey }],
    });
    const found: MetaRecord | undefined = succeeded ? undefined : results[0]?.records[0];
    this.#leader = found === undefined ? this.#view.self : String(parseRecord(found).node);
    if (succeeded) this.#leadership = { lease, createRevision: revision };
    // Elected by an attempt of which no answer came.
    else if (found?.lease === lease) {
      this.#leadership = { lease, createRevision: found.createRevision };
    }
    if (this.#leadership !== undefined) this.#env.log.info('this node is the controller');
    return this.#leadership !== undefined;
  }

  #resign(): void {
    if (this.#leadership === undefined) return;
    this.#leadership = undefined;
    this.#leader = undefined;
    this.#env.log.info('this node is no longer the controller');
  }

  /** Whether it was done; otherwise what was observed has changed. */
  async #perform(action: Action): Promise<boolean> {
    const leadership = this.#leadership;
    if (leadership === undefined || this.#session.lease !== leadership.lease) return false;
    const { createRevision } = leadership;
    const isLeader: MetaCompare = {
      key: leaderKey,
      target: 'create',
      op: '=',
      value: createRevision,
    };
    const { compare, puts } = toChange(action);
    const { succeeded, revision, results } = await this.#view.store.transaction({
      compare: [isLeader, ...compare],
      onSuccess: [...puts, touchMapVersion],
      onFailure: [{ kind: 'get', key: leaderKey }],
    });
    if (succeeded) {
      this.#env.log.info('controller acted', describe(action));
      await this.#view.reach(revision);
      return true;
    }
    if (results[0]?.records[0]?.createRevision !== createRevision) this.#resign();
    await this.#view.check();
    return false;
  }
}

function completeIn(reports: readonly NodeReport[]): Set<string> {
  const complete = new Set<string>();
  for (const { node, replicas } of reports) {
    for (const { kind, shard, isComplete } of replicas) {
      if (isComplete) complete.add(replicaName(kind, shard, node));
    }
  }
  return complete;
}

function toChange(action: Action): { compare: MetaCompare[]; puts: MetaOp[] } {
  if (action.kind === 'balanced') {
    const { revision: value } = action.wish;
    const compare: MetaCompare = { key: balanceKey, target: 'mod', op: '=', value };
    return { compare: [compare], puts: [{ kind: 'delete', key: balanceKey }] };
  }
  const records = action.kind === 'place' ? action.records : [action.record];
  const compare: MetaCompare[] = [];
  const puts: MetaOp[] = [];
  for (const record of records) {
    const key = shardKey(action.store, record.shard);
    // A record that is not there has revision 0.
    compare.push({ key, target: 'mod', op: '=', value: record.revision });
    puts.push({ kind: 'put', key, value: renderShard(record) });
  }
  return { compare, puts };
}

function describe(action: Action) {
  if (action.kind === 'place') return { action: 'place', shards: action.records.length };
  if (action.kind === 'balanced') return { action: 'balanced', by: action.wish.by };
  const { shard, preferred, learner, replaces, leaving, replicas } = action.record;
  const { store } = action;
  return { action: 'change', store, shard, preferred, learner, replaces, leaving, replicas };
}
