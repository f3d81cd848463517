/** What services work with, and what each of them is to the node. */

import type { Reading } from '../base/reading.ts';
import type { Broker } from '../broker/broker.ts';
import type { Disk, Env } from '../env/env.ts';
import type { Catalog } from '../metadata/catalog-view.ts';
import type { ClusterView } from '../metadata/cluster-view.ts';
import type { MetaStore } from '../metadata/meta-store.ts';
import type { LogTails } from '../model/log-tail.ts';
import type { GraphiteSettings, UdpSettings } from './listeners/listener-settings.ts';

/** Each service's own section. */
export interface ServiceSettings {
  readonly continuousQueries: {
    /** Whether this node runs any. */
    readonly enabled: boolean;
    /** Between two looks at what is due. */
    readonly runIntervalMs: number;
  };
  /** Undefined = off, each. */
  readonly udp: UdpSettings | undefined;
  readonly graphite: GraphiteSettings | undefined;
  readonly subscriptions: {
    /** What all logs of the node together keep for destinations that are behind. */
    readonly logBytesMax: number;
  };
}

export interface ServiceParts {
  readonly env: Env;
  readonly broker: Broker;
  readonly catalog: Catalog;
  /** Guarded. */
  readonly store: MetaStore;
  /** The node's data directory. */
  readonly disk: Disk;
  /** The node's uuid. */
  readonly self: string;
  /**
   * The lease that keys which must go with this node are put with; undefined = none is valid now. Undefined
   * itself = the node is alone: what is its own nobody else can have.
   */
  readonly lease: (() => string | undefined) | undefined;
  /** Who is primary of what. */
  readonly cluster: ClusterView;
  /** Followers of this node's commit logs. */
  readonly tails: LogTails;
  /** How far the clocks of two nodes may be apart; 0 = the node is alone. */
  readonly clockSlackMs: number;
  /** Called after users, grants, continuous queries or subscriptions have changed; returns how to stop. Must not throw. */
  readonly onAdminChange: (listener: () => void) => () => void;
  readonly settings: ServiceSettings;
}

export interface Service {
  /** Key in /info. */
  readonly name: string;
  readings(): readonly Reading[];
  /** What people are told of it, as JSON; no secrets. */
  describe(): unknown;
  /** Ends what is under way, or leaves it to the next start. */
  stop(): Promise<void>;
}

/** @throws CitadelError when the node cannot start without it */
export type StartService = (parts: ServiceParts) => Promise<Service>;
