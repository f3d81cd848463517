/**
 * The nodes of the cluster as the client knows them: those it was given, and those that a node told of. One of them is
 * asked; after a failure the next one is.
 */

import { CitadelError } from '../src/base/errors.ts';
import { decodeInfo, type InfoAnswer } from '../src/rpc/api/cluster-messages.ts';
import { clusterService } from '../src/rpc/methods.ts';
import { Channel } from './channel.ts';
import type { Settings } from './options.ts';

const infoDeadlineMs = 2_000;
/** A cluster that grew is seen after so long. */
const refreshMs = 30_000;
const nodesMax = 1_000;
const emptyMessage = Buffer.alloc(0);

export class Nodes {
  readonly #settings: Settings;
  readonly #channels = new Map<string, Channel>();
  #addresses: readonly string[];
  #place: number;
  /** Clock of the cluster less the clock here, ms. */
  #clockOffsetMs = 0;
  #refreshing: Promise<void> | undefined;
  #refreshedMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#addresses = [...new Set(settings.seeds)];
    this.#place = Math.floor(Math.random() * this.#addresses.length);
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Clock of the cluster, ms since the Unix epoch. */
  get nowMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** The node to ask. @throws CitadelError `cancelled` when the client is closed */
  current(): Channel {
    if (this.#isClosed) throw new CitadelError('cancelled', 'the client is closed');
    if (performance.now() - this.#refreshedMs > refreshMs) this.refreshSoon();
    return this.#channelTo(this.#addresses[this.#place % this.#addresses.length]!);
  }

  /** `failed` did not do: the next one is asked, unless somebody else has moved on already. */
  moveOn(failed: Channel): void {
    const { length } = this.#addresses;
    if (this.#addresses[this.#place % length] !== failed.address) return;
    this.#place = (this.#place + 1) % length;
  }

  /** What a node tells, with the clock of the cluster and the nodes there are. @throws CitadelError */
  async refresh(channel: Channel): Promise<InfoAnswer> {
    const sentMs = Date.now();
    const info = decodeInfo(
      await channel.unary(clusterService.Info.path, emptyMessage, infoDeadlineMs),
    );
    this.#clockOffsetMs = info.nowMs - (sentMs + Date.now()) / 2;
    this.#refreshedMs = performance.now();
    if (this.#settings.discover) this.#learn(info);
    return info;
  }

  refreshSoon(): void {
    this.#refreshedMs = performance.now();
    const channel = this.#channelTo(this.#addresses[this.#place % this.#addresses.length]!);
    this.#refreshing ??= this.refresh(channel).then(
      () => {
        this.#refreshing = undefined;
      },
      () => {
        this.#refreshing = undefined;
      },
    );
  }

  close(): void {
    this.#isClosed = true;
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #learn({ nodes }: InfoAnswer): void {
    const told = nodes.map(({ grpcUrl }) => grpcUrl.replace(/^[a-z]+:\/\//, ''));
    const known = this.#addresses[this.#place % this.#addresses.length]!;
    const all = [...new Set([...this.#settings.seeds, ...told.filter((one) => one !== '')])];
    this.#addresses = all.slice(0, nodesMax);
    const place = this.#addresses.indexOf(known);
    this.#place = place < 0 ? 0 : place;
    for (const [address, channel] of this.#channels) {
      if (this.#addresses.includes(address)) continue;
      this.#channels.delete(address);
      channel.close();
    }
  }

  #channelTo(address: string): Channel {
    let channel = this.#channels.get(address);
    if (channel === undefined) {
      channel = new Channel(address, this.#settings.authorization);
      this.#channels.set(address, channel);
    }
    return channel;
  }
}
