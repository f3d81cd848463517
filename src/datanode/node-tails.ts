/** The tails of all logs of a node: questions go to the workers that have the shards, news come from all. */

import type {
  LogTails,
  TailAnswer,
  TailPosition,
  TailQuestion,
  TailRule,
  TailShard,
} from '../model/log-tail.ts';
import type { TailLink, TailNews } from './tail-link.ts';

export interface NodeTailsOptions {
  readonly links: () => readonly TailLink[];
  /** Of the worker that has the shard. */
  readonly linkOf: (shard: number) => TailLink;
}

export class NodeTails implements LogTails {
  readonly #options: NodeTailsOptions;
  readonly #listeners = new Set<TailNews>();

  constructor(options: NodeTailsOptions) {
    this.#options = options;
  }

  /** News of a worker go to all who listen. */
  connect(link: TailLink): void {
    link.onNews = (shards) => {
      for (const listener of this.#listeners) listener(shards);
    };
  }

  setTails(rules: readonly TailRule[]): void {
    for (const link of this.#options.links()) link.setTails(rules);
  }

  moveTails(positions: readonly TailPosition[]): void {
    for (const [link, own] of this.#group(positions)) link.moveTails(own);
  }

  async readTail(question: TailQuestion, signal: AbortSignal): Promise<TailAnswer> {
    const groups = this.#group<TailShard>(question.shards);
    const sizeMax = question.sizeMax / Math.max(1, groups.size);
    const reads = [...groups].map(([link, shards]) => {
      return link.read({ ...question, shards, sizeMax }, signal);
    });
    const answers = await Promise.all(reads);
    return {
      parts: answers.flatMap(({ parts }) => parts),
      absent: answers.flatMap(({ absent }) => absent),
    };
  }

  onEntries(listener: TailNews): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #group<T extends { readonly shard: number }>(items: readonly T[]): Map<TailLink, T[]> {
    const groups = new Map<TailLink, T[]>();
    for (const item of items) {
      const link = this.#options.linkOf(item.shard);
      const group = groups.get(link);
      if (group === undefined) groups.set(link, [item]);
      else group.push(item);
    }
    return groups;
  }
}
