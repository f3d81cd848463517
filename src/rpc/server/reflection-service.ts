/**
 * grpc.reflection: what services there are and what their messages look like, so that `grpcurl` and its
 * like need no files of ours. Both versions of the protocol have the same messages.
 */

import { type ServerDuplexStream, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { CitadelError } from '../../base/errors.ts';
import { toGrpcError } from '../status.ts';
import { ProtoReader, ProtoWriter } from '../wire/proto-wire.ts';
import { DescriptorIndex } from './descriptor-index.ts';
import { descriptorSetText } from './descriptor-set.ts';

const ask = {
  host: 1,
  fileByName: 3,
  fileBySymbol: 4,
  extension: 5,
  numbers: 6,
  services: 7,
} as const;
const reply = { host: 1, request: 2, files: 4, services: 6, error: 7 } as const;

function listServices(names: ReadonlySet<string>): Buffer {
  const list = new ProtoWriter();
  for (const name of names) {
    list.bytes(1, new ProtoWriter().text(1, name).finish());
  }
  return list.finish();
}

function error(code: status, message: string): Buffer {
  return new ProtoWriter().varint(1, code).text(2, message).finish();
}

function answer(message: Buffer, index: DescriptorIndex, names: ReadonlySet<string>): Buffer {
  const request = new ProtoReader(message);
  const writer = new ProtoWriter().text(reply.host, request.text(ask.host) ?? '');
  writer.bytes(reply.request, message);
  const fileName = request.text(ask.fileByName);
  const symbol = request.text(ask.fileBySymbol);
  if (request.bytes(ask.services) !== undefined) {
    return writer.bytes(reply.services, listServices(names)).finish();
  }
  if (fileName === undefined && symbol === undefined) {
    const hasExtension = request.bytes(ask.extension) ?? request.bytes(ask.numbers);
    const text = hasExtension === undefined ? 'nothing was asked' : 'there are no extensions';
    const code = hasExtension === undefined ? status.INVALID_ARGUMENT : status.NOT_FOUND;
    return writer.bytes(reply.error, error(code, text)).finish();
  }
  const files = fileName === undefined ? index.symbol(symbol ?? '') : index.file(fileName);
  if (files === undefined) {
    const text = `cannot find ${fileName ?? symbol}`;
    return writer.bytes(reply.error, error(status.NOT_FOUND, text)).finish();
  }
  const list = new ProtoWriter();
  for (const file of files) list.bytes(1, file);
  return writer.bytes(reply.files, list.finish()).finish();
}

/** `names`: of the services that are served; it may grow. */
export function makeReflectionService(names: ReadonlySet<string>): UntypedServiceImplementation {
  const index = new DescriptorIndex(Buffer.from(descriptorSetText, 'base64'));
  return {
    ServerReflectionInfo(call: ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (message: Buffer) => {
        try {
          // A caller that asks and does not read is held back.
          if (!call.write(answer(message, index, names))) {
            call.pause();
            call.once('drain', () => call.resume());
          }
        } catch (cause) {
          call.emit('error', toGrpcError(cause as CitadelError));
        }
      });
      call.on('end', () => call.end());
    },
  };
}
