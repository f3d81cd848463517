/**
 * A gRPC client that knows nothing of ours beforehand, as `grpcurl` works: it asks the server's reflection what there is, and
 * lets a protobuf library read and write the messages.
 */

import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  loadFileDescriptorSetFromBuffer,
  type MethodDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import { ProtoReader, ProtoWriter } from '../../src/rpc/wire/proto-wire.ts';

export type Fields = Record<string, unknown>;

const reflectionPath = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const deadlineMs = 60_000;
/** Libraries take 4 MiB by themselves; values may be larger. */
const answerSizeMax = 64 * 1024 * 1024;
const asItIs = (bytes: Buffer) => bytes;

function ask(client: Client, question: Buffer): Promise<ProtoReader> {
  return new Promise((resolve, reject) => {
    const stream = client.makeBidiStreamRequest(reflectionPath, asItIs, asItIs, new Metadata());
    stream.on('error', reject);
    stream.on('data', (bytes: Buffer) => {
      resolve(new ProtoReader(bytes));
      stream.end();
    });
    stream.write(question);
  });
}

/** All services of the server, by their full names. */
async function loadServices(client: Client): Promise<PackageDefinition> {
  const listed = await ask(client, new ProtoWriter().text(7, '*').finish());
  const services = new ProtoReader(listed.bytes(6)!)
    .all(1)
    .map((one) => new ProtoReader(one).text(1)!);
  const files = new Map<string, Uint8Array>();
  for (const name of services) {
    const answer = await ask(client, new ProtoWriter().text(4, name).finish());
    for (const file of new ProtoReader(answer.bytes(4)!).all(1)) {
      files.set(new ProtoReader(file).text(1)!, file);
    }
  }
  const set = new ProtoWriter();
  for (const file of files.values()) set.bytes(1, file);
  const options = { keepCase: true, longs: String, defaults: true, oneofs: true };
  return loadFileDescriptorSetFromBuffer(set.finish(), options);
}

export class ReflectedClient {
  readonly #client: Client;
  readonly #services: PackageDefinition;
  readonly names: readonly string[];

  private constructor(client: Client, services: PackageDefinition) {
    this.#client = client;
    this.#services = services;
    this.names = Object.keys(services).filter((name) => !('format' in services[name]!));
  }

  /** `address`: host:port. */
  static async connect(address: string): Promise<ReflectedClient> {
    const options = { 'grpc.max_receive_message_length': answerSizeMax };
    const client = new Client(address, credentials.createInsecure(), options);
    return new ReflectedClient(client, await loadServices(client));
  }

  #method(path: string): MethodDefinition<object, object> {
    const [service = '', name = ''] = path.split('/');
    return (this.#services[service] as ServiceDefinition)[name]!;
  }

  /** `citadel.v1.KeyValue/Put` @throws ServiceError */
  call(path: string, request: Fields, metadata = new Metadata()): Promise<Fields> {
    const { path: full, requestSerialize, responseDeserialize } = this.#method(path);
    const options = { deadline: Date.now() + deadlineMs };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        full,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (error: ServiceError | null, answer?: object) => {
          if (answer === undefined) reject(error);
          else resolve(answer as Fields);
        },
      );
    });
  }

  /** All messages of a stream of answers. @throws ServiceError */
  async collect(path: string, request: Fields): Promise<Fields[]> {
    const { path: full, requestSerialize, responseDeserialize } = this.#method(path);
    const call = this.#client.makeServerStreamRequest(
      full,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
    );
    const answers: Fields[] = [];
    for await (const answer of call) answers.push(answer as Fields);
    return answers;
  }

  /** Sends all requests at once; resolves with all answers when the server has ended the stream. */
  exchange(path: string, requests: readonly Fields[]): Promise<Fields[]> {
    const { path: full, requestSerialize, responseDeserialize } = this.#method(path);
    const call = this.#client.makeBidiStreamRequest(
      full,
      requestSerialize,
      responseDeserialize,
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
    );
    return new Promise((resolve, reject) => {
      const answers: Fields[] = [];
      call.on('data', (answer: Fields) => answers.push(answer));
      call.on('error', reject);
      call.on('end', () => resolve(answers));
      for (const request of requests) call.write(request);
      call.end();
    });
  }

  /** A stream that sends these and then nothing, and stays open. Resolves with how it ends. */
  async hold(
    path: string,
    requests: readonly Fields[],
    onAnswer: () => void,
  ): Promise<ServiceError> {
    const { path: full, requestSerialize, responseDeserialize } = this.#method(path);
    const metadata = new Metadata();
    const call = this.#client.makeBidiStreamRequest(
      full,
      requestSerialize,
      responseDeserialize,
      metadata,
    );
    return new Promise((resolve) => {
      call.on('data', onAnswer);
      call.on('error', (error: ServiceError) => resolve(error));
      for (const request of requests) call.write(request);
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** A ByteList of proto/. */
export function byteList(...items: readonly (string | Uint8Array)[]): Fields {
  const parts = items.map((item) => Buffer.from(item));
  let end = 0;
  const ends = parts.map(({ length }) => {
    end += length;
    return end;
  });
  return { bytes: Buffer.concat(parts), ends };
}

/** Its items, as text. */
export function textsOf(list: unknown): string[] {
  const { bytes, ends } = (list ?? { bytes: Buffer.alloc(0), ends: [] }) as {
    bytes: Buffer;
    ends: number[];
  };
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end).toString());
}
