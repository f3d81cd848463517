/**
 * Watches over a bounded history of changes: past ones from the history, then each new one.
 *
 * Notices come in order and never inside the call that caused them. History is bounded by count and
 * by text; a watch that asks for what is gone is told so and ends.
 */

import type { MetaChange, MetaWatch, WatchNotice } from '../meta-store.ts';

const historyCountMax = 4096;
const historyTextMax = 8 * 1024 * 1024;

interface Event {
  readonly revision: number;
  readonly changes: readonly MetaChange[];
  readonly textSize: number;
}

interface Watcher {
  readonly prefix: string;
  readonly fromRevision: number;
  readonly listener: (notice: WatchNotice) => void;
  readonly pending: WatchNotice[];
  delivering: boolean;
  open: boolean;
}

function keyOf(change: MetaChange): string {
  return change.kind === 'put' ? change.record.key : change.key;
}

function measure(changes: readonly MetaChange[]): number {
  let size = 0;
  for (const change of changes) {
    size += keyOf(change).length + (change.kind === 'put' ? change.record.value.length : 0);
  }
  return size;
}

function offer(watcher: Watcher, { revision, changes }: Event): void {
  if (revision < watcher.fromRevision) return;
  const own = changes.filter((change) => keyOf(change).startsWith(watcher.prefix));
  if (own.length > 0) watcher.pending.push({ kind: 'changes', revision, changes: own });
}

export class WatchHub {
  readonly #watchers = new Set<Watcher>();
  #history: Event[] = [];
  #textSize = 0;
  /** Changes up to and including this revision are gone. */
  #compacted: number;

  constructor(revision: number) {
    this.#compacted = revision;
  }

  publish(revision: number, changes: readonly MetaChange[]): void {
    const event = { revision, changes, textSize: measure(changes) };
    this.#history.push(event);
    this.#textSize += event.textSize;
    this.#trim();
    for (const watcher of this.#watchers) {
      offer(watcher, event);
      this.#deliver(watcher);
    }
  }

  /** Forgets the changes before a revision. */
  compact(revision: number): void {
    const kept = this.#history.findIndex((event) => event.revision >= revision);
    this.#drop(kept === -1 ? this.#history.length : kept);
    this.#compacted = Math.max(this.#compacted, revision - 1);
  }

  watch(prefix: string, fromRevision: number, listener: (notice: WatchNotice) => void): MetaWatch {
    const watcher: Watcher = {
      prefix,
      fromRevision,
      listener,
      pending: [],
      delivering: false,
      open: true,
    };
    if (fromRevision <= this.#compacted) {
      watcher.pending.push({ kind: 'compacted', revision: this.#compacted + 1 });
    } else {
      for (const event of this.#history) offer(watcher, event);
      this.#watchers.add(watcher);
    }
    this.#deliver(watcher);
    return { close: () => this.#end(watcher) };
  }

  close(): void {
    for (const watcher of this.#watchers) this.#end(watcher);
  }

  #end(watcher: Watcher): void {
    watcher.open = false;
    watcher.pending.length = 0;
    this.#watchers.delete(watcher);
  }

  #trim(): void {
    let drop = Math.max(0, this.#history.length - historyCountMax);
    let textSize = this.#textSize;
    for (let i = 0; i < drop; i++) textSize -= this.#history[i]!.textSize;
    while (textSize > historyTextMax && drop < this.#history.length) {
      textSize -= this.#history[drop]!.textSize;
      drop++;
    }
    this.#drop(drop);
  }

  #drop(count: number): void {
    if (count === 0) return;
    const gone = this.#history.splice(0, count);
    for (const event of gone) this.#textSize -= event.textSize;
    this.#compacted = gone[gone.length - 1]!.revision;
  }

  #deliver(watcher: Watcher): void {
    if (watcher.delivering || watcher.pending.length === 0) return;
    watcher.delivering = true;
    queueMicrotask(() => {
      watcher.delivering = false;
      for (const notice of watcher.pending.splice(0)) {
        if (watcher.open) watcher.listener(notice);
      }
    });
  }
}
