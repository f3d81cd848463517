/** Settings of the listeners, named as in InfluxDB's [[udp]] and [[graphite]]. */

import type { ListenPlace } from '../../env/listeners.ts';

export interface BatchSettings {
  /** Points that are written together, about. */
  readonly size: number;
  /** Batches that wait to be written. */
  readonly pending: number;
  /** A batch waits no longer for more points. */
  readonly timeoutMs: number;
}

interface ListenerTarget extends ListenPlace {
  /** Made when it is not there. */
  readonly database: string;
  /** '' = the database's default. */
  readonly policy: string;
  readonly batch: BatchSettings;
  /** What the system may hold of datagrams; 0 = its own default. */
  readonly readBufferBytes: number;
}

export interface UdpSettings extends ListenerTarget {
  /** Of timestamps, as /write names it. */
  readonly precision: string;
}

export interface GraphiteSettings extends ListenerTarget {
  readonly protocol: 'tcp' | 'udp';
  /** Between the parts of a name that a template joins. */
  readonly separator: string;
  /** `key=value`, for points that lack the key. */
  readonly tags: readonly string[];
  /** `[filter] template [key=value,...]` */
  readonly templates: readonly string[];
}
