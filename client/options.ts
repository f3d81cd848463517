/** What a client is opened with, and its limits. */

export type Consistency = 'auto' | 'any' | 'one' | 'quorum' | 'all';
export type ReadLevel = 'one' | 'primary' | 'quorum';

export interface ClientOptions {
  /** Addresses of one node or more, `host:port`; the others are found through them. */
  readonly nodes: string | readonly string[];
  /** False = only the nodes that were given are used. Default true. */
  readonly discover?: boolean;
  /** How long a call is tried, over all nodes, in ms; default 20,000, at most 45,000. */
  readonly patienceMs?: number;
  /** Copies that a write must be on, where a call does not say; default: as the node is set. */
  readonly consistency?: Consistency;
  /** Which replicas a read of keys may be answered by, where a call does not say. Default `one`. */
  readonly read?: ReadLevel;
  /** Of a user of the database, where users log in. */
  readonly user?: { readonly name: string; readonly password: string };
}

/** What an acknowledged write can count on. */
export interface Receipt {
  /** Replicas that have all of it durably. */
  readonly copies: number;
  /** The consistency that was reached. */
  readonly level: string;
}

export interface Settings {
  readonly seeds: readonly string[];
  readonly discover: boolean;
  readonly patienceMs: number;
  readonly consistency: Consistency | '';
  readonly read: ReadLevel | '';
  /** Of every call; '' = none. */
  readonly authorization: string;
}

const patienceMsDefault = 20_000;
/** A write id counts for 60 s: a later attempt would be a write of its own. */
const patienceMsMax = 45_000;

function authorizationOf({ user }: ClientOptions): string {
  if (user === undefined) return '';
  return `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;
}

/** @throws RangeError */
export function readSettings(options: ClientOptions): Settings {
  const { nodes, discover = true, patienceMs = patienceMsDefault } = options;
  const seeds = (typeof nodes === 'string' ? nodes.split(',') : [...nodes])
    .map((text) => text.trim().replace(/^[a-z]+:\/\//, ''))
    .filter((text) => text !== '');
  if (seeds.length === 0)
    throw new RangeError('cannot open a client without the address of a node');
  if (!(patienceMs > 0 && patienceMs <= patienceMsMax)) {
    throw new RangeError(`patienceMs is ${patienceMs}, not above 0 and at most ${patienceMsMax}`);
  }
  const { consistency = '', read = '' } = options;
  return {
    seeds,
    discover,
    patienceMs,
    consistency,
    read,
    authorization: authorizationOf(options),
  };
}
