/** The `params` parameter of /query: values for `$name` in the text, never text themselves. */

import { CitadelError } from '../../base/errors.ts';
import { type Json, NumberText, parseGoJson } from './go-json.ts';

const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

function refuse(message: string): never {
  throw new CitadelError('invalid-argument', message);
}

function describe(json: Json): string {
  if (json instanceof NumberText) return 'number';
  if (Array.isArray(json)) return 'array';
  return typeof json === 'boolean' ? 'bool' : typeof json;
}

function readInteger(text: string): bigint {
  const reject = (why: string): never =>
    refuse(`error parsing json value: strconv.ParseInt: parsing "${text}": ${why}`);
  if (!/^-?[0-9]+$/.test(text)) return reject('invalid syntax');
  const value = BigInt(text);
  return value < int64Min || value > int64Max ? reject('value out of range') : value;
}

function readFloat(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  return refuse(
    `error parsing json value: strconv.ParseFloat: parsing "${text}": value out of range`,
  );
}

/** Inside `{"float": 1}` the name says the type; elsewhere the way the number is written. */
function readMember(json: Json): unknown {
  if (!(json instanceof NumberText)) return json;
  return /^-?[0-9]+$/.test(json.text) ? BigInt(json.text) : Number(json.text);
}

function readValue(json: Json): unknown {
  if (json instanceof NumberText) {
    const isFloat = json.text.includes('.');
    return isFloat ? { float: readFloat(json.text) } : readInteger(json.text);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  return Object.fromEntries(
    Object.entries(json as Readonly<Record<string, Json>>).map(([name, value]) => [
      name,
      readMember(value),
    ]),
  );
}

/** @throws CitadelError `invalid-argument` with the whole message */
export function readQueryParams(text: string | null): Readonly<Record<string, unknown>> {
  if (text === null || text === '') return {};
  let json: Json;
  try {
    json = parseGoJson(text);
  } catch (error) {
    if (!(error instanceof CitadelError)) throw error;
    return refuse(`error parsing query parameters: ${error.message}`);
  }
  if (json === null) return {};
  if (typeof json !== 'object' || Array.isArray(json) || json instanceof NumberText) {
    return refuse(
      `error parsing query parameters: json: cannot unmarshal ${describe(json)} into Go value of type map[string]interface {}`,
    );
  }
  const params: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) params[name] = readValue(value);
  return params;
}
