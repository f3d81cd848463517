/**
 * Takes decoded values apart: each function gives a field of the type it names or throws
 * `invalid-argument` with its name. What a peer sends is checked before anything works with it.
 */

import { CitadelError } from '../../base/errors.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function wrongField(name: string): CitadelError {
  return new CitadelError('invalid-argument', `cannot read message: ${name} is missing or wrong`);
}

export function fieldsOf(value: unknown, name: string): Fields {
  const isRecord = typeof value === 'object' && value !== null;
  if (!isRecord || Array.isArray(value) || ArrayBuffer.isView(value)) throw wrongField(name);
  return value as Fields;
}

export function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrongField(name);
  return value;
}

/** A whole number >= 0. */
export function countOf(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrongField(name);
  return value as number;
}

export function numberOf(value: unknown, name: string): number {
  if (typeof value !== 'number') throw wrongField(name);
  return value;
}

export function bigintOf(value: unknown, name: string): bigint {
  if (typeof value !== 'bigint') throw wrongField(name);
  return value;
}

export function booleanOf(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw wrongField(name);
  return value;
}

export function bytesOf(value: unknown, name: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrongField(name);
  return value;
}

export function choiceOf<T extends string>(
  value: unknown,
  choices: ReadonlySet<T>,
  name: string,
): T {
  if (typeof value !== 'string' || !choices.has(value as T)) throw wrongField(name);
  return value as T;
}

export function listOf<T>(
  value: unknown,
  read: (item: unknown, name: string) => T,
  name: string,
): T[] {
  if (!Array.isArray(value)) throw wrongField(name);
  return value.map((item: unknown) => read(item, name));
}

export function optional<T>(
  value: unknown,
  read: (item: unknown, name: string) => T,
  name: string,
): T | undefined {
  return value === undefined ? undefined : read(value, name);
}
