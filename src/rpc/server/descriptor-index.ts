/** Which file of the descriptor set declares a name. Reads just that much of the FileDescriptorProtos. */

import { ProtoReader } from '../wire/proto-wire.ts';

/** Field numbers of google/protobuf/descriptor.proto. */
const setField = { file: 1 } as const;
const fileField = { name: 1, package: 2, dependency: 3, message: 4, enum: 5, service: 6 } as const;
const messageField = { name: 1, nested: 3, enum: 4 } as const;
const serviceField = { name: 1, method: 2 } as const;
const nameField = 1;

interface DescriptorFile {
  readonly name: string;
  /** A serialized FileDescriptorProto. */
  readonly bytes: Uint8Array;
  readonly dependencies: readonly string[];
}

const decoder = new TextDecoder();

function nameOf(reader: ProtoReader): string {
  return reader.text(nameField) ?? '';
}

function* namesInMessage(bytes: Uint8Array, scope: string): Generator<string> {
  const reader = new ProtoReader(bytes);
  const own = scope + nameOf(reader);
  yield own;
  for (const nested of reader.all(messageField.nested)) yield* namesInMessage(nested, `${own}.`);
  for (const one of reader.all(messageField.enum)) yield `${own}.${nameOf(new ProtoReader(one))}`;
}

function* namesInFile(file: ProtoReader): Generator<string> {
  const scope = `${file.text(fileField.package) ?? ''}.`;
  for (const message of file.all(fileField.message)) yield* namesInMessage(message, scope);
  for (const one of file.all(fileField.enum)) yield scope + nameOf(new ProtoReader(one));
  for (const bytes of file.all(fileField.service)) {
    const service = new ProtoReader(bytes);
    const name = scope + nameOf(service);
    yield name;
    for (const method of service.all(serviceField.method)) {
      yield `${name}.${nameOf(new ProtoReader(method))}`;
    }
  }
}

export class DescriptorIndex {
  readonly #files = new Map<string, DescriptorFile>();
  readonly #fileOfSymbol = new Map<string, string>();

  /** `set`: a serialized FileDescriptorSet. */
  constructor(set: Uint8Array) {
    for (const bytes of new ProtoReader(set).all(setField.file)) {
      const reader = new ProtoReader(bytes);
      const name = reader.text(fileField.name) ?? '';
      const dependencies = reader.all(fileField.dependency).map((part) => decoder.decode(part));
      this.#files.set(name, { name, bytes, dependencies });
      for (const symbol of namesInFile(reader)) this.#fileOfSymbol.set(symbol, name);
    }
  }

  /** The file and all it imports, each once; undefined when there is none. */
  file(name: string): readonly Uint8Array[] | undefined {
    const found = new Map<string, Uint8Array>();
    const collect = (wanted: string): void => {
      const file = this.#files.get(wanted);
      if (file === undefined || found.has(wanted)) return;
      found.set(wanted, file.bytes);
      for (const dependency of file.dependencies) collect(dependency);
    };
    collect(name);
    return found.size === 0 ? undefined : [...found.values()];
  }

  /** The file that declares a message, enum, service or method, by its full name. */
  symbol(name: string): readonly Uint8Array[] | undefined {
    const file = this.#fileOfSymbol.get(name);
    return file === undefined ? undefined : this.file(file);
  }
}
