/** ByteList of proto/: keys and values as they lie in memory, no field per item. */

import type { ByteList } from '../../model/key-list.ts';
import { MessageReader, wrongMessage } from './message-reader.ts';
import { fieldSize, type MessageWriter } from './message-writer.ts';

const field = { bytes: 1, ends: 2 } as const;
const noBytes = new Uint8Array(0);
const noEnds = new Uint32Array(0);

export const emptyList: ByteList = { bytes: noBytes, ends: noEnds };

/** Views into the message. Ends ascend and the last is the size, so that whoever reads the list needs no checks. */
export function readByteList(message: Uint8Array): ByteList {
  let bytes: Uint8Array = noBytes;
  let ends: Uint32Array = noEnds;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === field.bytes) bytes = reader.bytes;
    else if (reader.field === field.ends) ends = reader.fixed32(ends);
  }
  let before = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i]!;
    if (end < before) throw wrongMessage('ends of a list do not ascend');
    before = end;
  }
  if (before !== bytes.length) {
    throw wrongMessage(`a list of ${bytes.length} bytes has its last end at ${before}`);
  }
  return { bytes, ends };
}

/** Of the message, without its prefix. */
function listSize({ bytes, ends }: ByteList): number {
  return fieldSize(field.bytes, bytes.length) + fieldSize(field.ends, ends.byteLength);
}

/** With its prefix, as a field of this number. */
export function listFieldSize(number: number, list: ByteList): number {
  return fieldSize(number, listSize(list));
}

export function writeByteList(writer: MessageWriter, number: number, list: ByteList): void {
  const size = listSize(list);
  if (size === 0) return;
  writer.open(number, size).bytes(field.bytes, list.bytes).packed(field.ends, list.ends);
}
