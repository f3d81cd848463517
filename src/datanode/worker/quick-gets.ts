/** Gets of few keys, of one message: answered in one turn and in one message. */

import type { KvGetBlock } from '../../rpc/data-node-api.ts';
import { type Failure, toFailure } from './failure.ts';
import type { FromWorker, StreamRequest } from './messages.ts';
import { readKeysNow, type StreamContext } from './open-stream.ts';
import { BlockPacker, type Parcel, unpackBlocks } from './transfer-blocks.ts';

type GetRequest = Extract<StreamRequest, { kind: 'kv-get' }>;

interface QuickGet extends Omit<GetRequest, 'kind'> {
  readonly id: number;
}

/** What a message carries at most before another one is begun. */
const messageBytes = 1024 * 1024;

export class QuickGets {
  readonly #context: Omit<StreamContext, 'signal'>;
  readonly #send: (message: FromWorker, transfer: readonly ArrayBuffer[]) => void;
  readonly #packer = new BlockPacker();
  #failures: { readonly id: number; readonly failure: Failure }[] = [];
  #largeIds: number[] = [];

  constructor(
    context: Omit<StreamContext, 'signal'>,
    send: (message: FromWorker, transfer: readonly ArrayBuffer[]) => void,
  ) {
    this.#context = context;
    this.#send = send;
  }

  answer(parcel: Parcel): void {
    for (const { id, ...request } of unpackBlocks<QuickGet>(parcel)) {
      try {
        this.#add(id, readKeysNow(this.#context, { kind: 'kv-get', ...request }));
      } catch (error) {
        this.#failures.push({ id, failure: toFailure(error) });
      }
      if (this.#packer.bytes >= messageBytes) this.#flush();
    }
    this.#flush();
  }

  #add(id: number, blocks: readonly KvGetBlock[] | undefined): void {
    if (blocks === undefined) this.#largeIds.push(id);
    else this.#packer.add({ id, blocks });
  }

  #flush(): void {
    const failures = this.#failures;
    const largeIds = this.#largeIds;
    if (this.#packer.blockCount + failures.length + largeIds.length === 0) return;
    this.#failures = [];
    this.#largeIds = [];
    const parcel = this.#packer.take();
    this.#send({ kind: 'kv-got', parcel, failures, largeIds }, [parcel.buffer]);
  }
}
