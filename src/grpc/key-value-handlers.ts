/** citadel.v1.KeyValue: decode, ask the broker, encode. Lists of keys and values pass as they lie in the message. */

import { CitadelError } from '../base/errors.ts';
import type { KvAnswer, KvReadLevel } from '../broker/key-values.ts';
import { ByteListBuilder } from '../model/key-list.ts';
import {
  decodeGet,
  decodeList,
  encodeRows,
  encodeValues,
  type KvGetMessage,
} from '../rpc/api/kv-read-messages.ts';
import {
  decodeDelete,
  decodeKvStreamWrite,
  decodePut,
  encodeKvWriteAnswer,
  idOfStreamWrite,
  type KvWriteMessage,
} from '../rpc/api/kv-write-messages.ts';
import {
  type ApiCall,
  type ApiHost,
  serveDuplex,
  serveStream,
  serveUnary,
} from '../rpc/api/serve.ts';
import type { ApiService } from '../rpc/api/service.ts';
import { encodeErrorFacts } from '../rpc/status.ts';
import { checkCaller } from './caller-rights.ts';
import { explainReport } from './outcomes.ts';
import type { GrpcParts } from './parts.ts';

/** Values of one message of an answer, or one larger value. */
const answerBytes = 1024 * 1024;
const answerKeysMax = 65_536;
/** Of an answer before it is known how large its values are. */
const valueRoom = 64;
const noBytes = new Uint8Array(0);
const readLevels = new Map<string, KvReadLevel>([
  ['', 'one'],
  ['one', 'one'],
  ['primary', 'primary'],
  ['quorum', 'quorum'],
]);

function readLevelOf(asked: string): KvReadLevel {
  const level = readLevels.get(asked.toLowerCase());
  if (level !== undefined) return level;
  throw new CitadelError('invalid-argument', 'invalid read level (use one, primary or quorum)');
}

/** The answer to a write of which everything was applied. @throws CitadelError otherwise */
async function write(
  { access, broker }: GrpcParts,
  call: ApiCall,
  message: KvWriteMessage,
  id: number,
): Promise<Buffer> {
  await checkCaller(access, call, 'WRITE', message.table);
  const { table, keys, values, consistency, writeId, notAfterMs } = message;
  const count = keys.ends.length;
  const report = await broker.keyValues.write({
    table,
    keys,
    values: values ?? { bytes: noBytes, ends: new Uint32Array(count) },
    deleted: new Uint8Array(count).fill(values === undefined ? 1 : 0),
    consistency,
    writeId,
    notAfterMs: notAfterMs === 0 ? undefined : notAfterMs,
  });
  if (report.error !== undefined) throw explainReport(report.error, report);
  const { copies, level } = report;
  return encodeKvWriteAnswer({ id, copies, level, failure: undefined });
}

function refuseStreamWrite(message: Buffer, error: CitadelError): Buffer {
  const { code, message: text } = error;
  const failure = { code, message: text, details: encodeErrorFacts(error) };
  return encodeKvWriteAnswer({ id: idOfStreamWrite(message), copies: 0, level: '', failure });
}

/** In blocks, in the order of the keys. */
function* renderValues({ keys }: KvGetMessage, answer: KvAnswer): Generator<Buffer> {
  const count = keys.ends.length;
  for (let start = 0; start < count; ) {
    const left = Math.min(count - start, 1024);
    const builder = new ByteListBuilder(left * valueRoom, left);
    const present = new Uint8Array(Math.min(count - start, answerKeysMax));
    while (builder.count < present.length && builder.size < answerBytes) {
      const place = builder.count;
      if (answer.appendTo(builder, start + place)) present[place] = 1;
    }
    const values = builder.take();
    const taken = values.ends.length;
    yield encodeValues({ start, present: present.subarray(0, taken), values });
    start += taken;
  }
}

async function* get(parts: GrpcParts, request: Buffer, call: ApiCall): AsyncGenerator<Buffer> {
  const message = decodeGet(request);
  const { table, keys, read } = message;
  await checkCaller(parts.access, call, 'READ', table);
  if (keys.ends.length === 0) throw new CitadelError('invalid-argument', 'keys are required');
  const { keyValues } = parts.broker;
  const answer = await keyValues.get(table, keys, readLevelOf(read), call.signal);
  yield* renderValues(message, answer);
}

async function* list(parts: GrpcParts, request: Buffer, call: ApiCall): AsyncGenerator<Buffer> {
  const { table, prefix, from, until, limit, read } = decodeList(request);
  await checkCaller(parts.access, call, 'READ', table);
  const blocks = await parts.broker.keyValues.list({
    table,
    prefix,
    from,
    until: until.length === 0 ? undefined : until,
    limit: limit === 0 ? Number.POSITIVE_INFINITY : limit,
    level: readLevelOf(read),
    signal: call.signal,
  });
  for await (const block of blocks) if (block.keys.ends.length > 0) yield encodeRows(block);
}

export function makeKeyValueHandlers(host: ApiHost, parts: GrpcParts): ApiService['handlers'] {
  return {
    Put: serveUnary(host, async (message, call) => write(parts, call, decodePut(message), 0)),
    Delete: serveUnary(host, async (message, call) => write(parts, call, decodeDelete(message), 0)),
    WriteStream: serveDuplex(host, {
      run: async (message, call) => {
        const { id, write: one } = decodeKvStreamWrite(message);
        return write(parts, call, one, id);
      },
      refuse: refuseStreamWrite,
    }),
    Get: serveStream(host, (message, call) => get(parts, message, call)),
    List: serveStream(host, (message, call) => list(parts, message, call)),
  };
}
