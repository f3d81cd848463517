/**
 * /api/v2/buckets: databases and retention policies under the names of InfluxDB 2, `database/policy`, as
 * InfluxDB 1.10 and later answer them. Labels, members and owners there are none.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import type { Database, PolicyOptions, RetentionPolicy } from '../../metadata/catalog-view.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import { type Bucket, readBucket } from '../parameters/v2-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { explain, quoteJson, replyError, sendJson } from '../server/error-reply.ts';
import { readsFrom, writesTo } from '../server/route-access.ts';

const nsPerSecond = 1_000_000_000n;
const path = '/api/v2/buckets';
const limitDefault = 100;
/** InfluxDB knows no times of them. */
const never = '"0001-01-01T00:00:00Z"';

interface BucketBody {
  readonly name: string;
  readonly rp: string;
  readonly options: PolicyOptions;
}

function renderBucket(database: string, policy: RetentionPolicy): string {
  const name = quoteJson(`${database}/${policy.name}`);
  const seconds = policy.durationNs / nsPerSecond;
  const groupSeconds = policy.shardGroupDurationNs / nsPerSecond;
  const rule = `{"type":"","everySeconds":${seconds},"shardGroupDurationSeconds":${groupSeconds}}`;
  return `{"description":"","name":${name},"retentionRules":[${rule}],"orgId":"","schemaType":"implicit","id":${name},"type":"","rp":${quoteJson(policy.name)},"createdAt":${never},"updatedAt":${never}}`;
}

function refuse(message: string): CitadelError {
  return new CitadelError('invalid-argument', message);
}

/** A failure under the name of what was tried, in the status InfluxDB gives it. */
function named(what: string, error: unknown, status?: CitadelError['code']): CitadelError {
  const { code, message } = explain(error);
  const isOurs = code === 'internal' || code === 'unavailable' || code === 'timeout';
  return new CitadelError(isOurs ? code : (status ?? code), `${what}: ${message}`, {
    cause: error,
  });
}

function idOf(request: FastifyRequest): string {
  return (request.params as { readonly dbrp: string }).dbrp;
}

/** Of the path. @throws CitadelError `invalid-argument` */
function readId(request: FastifyRequest): Bucket {
  const id = idOf(request);
  let bucket: Bucket;
  try {
    bucket = readBucket(id);
  } catch (error) {
    throw named(`bucket ${JSON.stringify(id)}`, error, 'invalid-argument');
  }
  if (bucket.policy !== '') return bucket;
  throw refuse(`bucket ${JSON.stringify(id)}: illegal bucket id, empty retention policy`);
}

function ruleNs(rule: object | undefined, name: string): bigint {
  const seconds = (rule as Readonly<Record<string, unknown>> | undefined)?.[name] ?? 0;
  if (typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds >= 0) {
    return BigInt(seconds) * nsPerSecond;
  }
  throw refuse(`buckets - cannot parse request body: ${name} is no whole number of seconds`);
}

/** @throws CitadelError `invalid-argument` */
function readBody(request: FastifyRequest, what: string): BucketBody {
  let json: Readonly<Record<string, unknown>>;
  try {
    json = JSON.parse(request.bodyBytes.toString('utf8')) ?? {};
  } catch (error) {
    throw refuse(`${what} - cannot parse request body: ${(error as Error).message}`);
  }
  const { name = '', rp = '', retentionRules } = json;
  const isRead = typeof name === 'string' && typeof rp === 'string';
  if (!isRead) throw refuse(`${what} - cannot parse request body: name is no text`);
  const rules: readonly unknown[] = Array.isArray(retentionRules) ? retentionRules : [];
  const [first] = rules;
  const rule = typeof first === 'object' && first !== null ? first : undefined;
  const shardGroupNs = ruleNs(rule, 'shardGroupDurationSeconds');
  const options = { durationNs: ruleNs(rule, 'everySeconds'), shardGroupDurationNs: shardGroupNs };
  return { name, rp, options };
}

function findBucket(parts: HttpParts, { database, policy }: Bucket) {
  const { view } = parts.catalog;
  const db = view.database(database);
  const found = db && view.policy(db, policy || db.defaultPolicy);
  return found && { database, policy: found };
}

/** @throws CitadelError `invalid-argument`, as InfluxDB answers whatever the catalog refuses */
async function createBucket(parts: HttpParts, { name, rp, options }: BucketBody): Promise<string> {
  let bucket: Bucket;
  try {
    bucket = readBucket(name);
  } catch (error) {
    throw named('buckets - illegal bucket name', error, 'invalid-argument');
  }
  const { database, policy } = bucket;
  const quoted = JSON.stringify(name);
  if (policy === '') throw refuse(`buckets - illegal bucket name: ${quoted}`);
  if (rp !== '' && rp !== policy) {
    const [inName, apart] = [JSON.stringify(policy), JSON.stringify(rp)];
    throw refuse(`buckets - two retention policies specified: ${inName} differs from ${apart}`);
  }
  try {
    const db = await parts.catalog.findDatabase(database);
    if (db === undefined)
      await parts.catalog.createDatabase(database, { ...options, name: policy });
    else await parts.catalog.createPolicy(database, policy, { ...options, makeDefault: false });
  } catch (error) {
    throw named(`buckets - cannot create bucket ${quoted}`, error, 'invalid-argument');
  }
  const made = findBucket(parts, bucket);
  if (made === undefined) throw new CitadelError('not-found', `bucket not found: ${quoted}`);
  return renderBucket(database, made.policy);
}

async function updateBucket(parts: HttpParts, request: FastifyRequest): Promise<string> {
  const bucket = readId(request);
  const { options } = readBody(request, 'update bucket');
  const quoted = JSON.stringify(idOf(request));
  try {
    const change = { ...options, makeDefault: false };
    await parts.catalog.alterPolicy(bucket.database, bucket.policy, change);
  } catch (error) {
    throw named(`update bucket ${quoted}`, error, 'invalid-argument');
  }
  const changed = findBucket(parts, bucket);
  if (changed === undefined) throw new CitadelError('not-found', `bucket not found: ${quoted}`);
  return renderBucket(bucket.database, changed.policy);
}

/** As DROP RETENTION POLICY does it, files included. */
async function deleteBucket(parts: HttpParts, request: FastifyRequest): Promise<void> {
  const bucket = readId(request);
  const quoted = JSON.stringify(idOf(request));
  if (findBucket(parts, bucket) === undefined) {
    throw new CitadelError('not-found', `delete bucket - not found: ${quoted}`);
  }
  const results = parts.broker.query({
    text: 'DROP RETENTION POLICY $policy ON $db',
    params: { policy: { identifier: bucket.policy }, db: { identifier: bucket.database } },
    database: bucket.database,
    policy: '',
    readOnly: false,
    rights: request.rights,
    signal: new AbortController().signal,
  });
  for await (const { series } of results) for await (const piece of series) void piece;
}

function readNumber(parameters: URLSearchParams, name: string, otherwise: number): number {
  const text = parameters.get(name) ?? '';
  if (text === '') return otherwise;
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  const quoted = JSON.stringify(text);
  throw refuse(`list buckets parameter is not an integer - ${name}=${quoted}`);
}

/** How many buckets to leave out. @throws CitadelError `invalid-argument`, `not-found` */
function readOffset(parameters: URLSearchParams, names: readonly string[]): number {
  const after = parameters.get('after') ?? '';
  if (after === '') return Math.max(0, readNumber(parameters, 'offset', 0));
  if ((parameters.get('offset') ?? '') !== '') {
    throw refuse('list buckets cannot have both "offset" and "after" arguments');
  }
  const place = names.indexOf(after);
  if (place >= 0) return place + 1;
  const message = `list buckets "after" parameter not found: ${JSON.stringify(after)}`;
  throw new CitadelError('not-found', message);
}

function readableBuckets({ catalog }: HttpParts, { rights }: FastifyRequest) {
  const readable = catalog.view.databases.filter(({ name }: Database) => rights.may('READ', name));
  return readable.flatMap(({ name, policies }) =>
    policies.map((policy) => ({ database: name, policy })),
  );
}

/** @throws CitadelError `invalid-argument`, `not-found` */
function listBuckets(parts: HttpParts, request: FastifyRequest): string {
  const parameters = readUrlParameters(request);
  const [id, name] = [parameters.get('id') ?? '', parameters.get('name') ?? ''];
  if (id !== '' && name !== '' && id !== name) {
    const [a, b] = [JSON.stringify(name), JSON.stringify(id)];
    throw refuse(`list buckets: name: ${a} and id: ${b} do not match`);
  }
  const all = readableBuckets(parts, request);
  const nameOf = ({ database, policy }: (typeof all)[number]) => `${database}/${policy.name}`;
  let chosen = all;
  if (id !== '' || name !== '') {
    chosen = all.filter((bucket) => nameOf(bucket) === (id || name));
    if (chosen.length === 0) {
      throw new CitadelError('not-found', `bucket not found: ${JSON.stringify(id || name)}`);
    }
  } else {
    const limit = readNumber(parameters, 'limit', limitDefault);
    const offset = readOffset(parameters, all.map(nameOf));
    chosen = all.slice(offset, limit <= 0 ? undefined : offset + limit);
  }
  return `{"buckets":[${chosen.map(({ database, policy }) => renderBucket(database, policy)).join(',')}]}`;
}

function addUnsupported(app: FastifyInstance): void {
  for (const what of ['labels', 'members', 'owners']) {
    const message = `bucket ${what} not supported in this version`;
    const refuseAll = (_request: FastifyRequest, reply: FastifyReply) =>
      replyError(reply, 405, message);
    const config = { access: 'user' } as const;
    app.get(`${path}/:dbrp/${what}`, { config }, refuseAll);
    app.post(`${path}/:dbrp/${what}`, { config }, refuseAll);
    app.delete(`${path}/:dbrp/${what}/:id`, { config }, refuseAll);
  }
}

export function addBucketRoutes(app: FastifyInstance, parts: HttpParts): void {
  const one = `${path}/:dbrp`;
  const reads = readsFrom((request) => readId(request).database);
  const drops = writesTo((request) => readId(request).database);
  app.get(path, { config: { access: 'user' } }, async (request, reply) =>
    sendJson(reply, listBuckets(parts, request)),
  );
  app.post(path, { config: { access: 'admin' } }, async (request, reply) => {
    const made = await createBucket(parts, readBody(request, 'buckets'));
    return sendJson(reply.code(201), made);
  });
  app.get(one, { config: { access: reads } }, async (request, reply) => {
    const found = findBucket(parts, readId(request));
    if (found === undefined) {
      const message = `bucket not found: ${JSON.stringify(idOf(request))}`;
      throw new CitadelError('not-found', message);
    }
    return sendJson(reply, renderBucket(found.database, found.policy));
  });
  app.patch(one, { config: { access: 'admin' } }, async (request, reply) =>
    sendJson(reply, await updateBucket(parts, request)),
  );
  app.delete(one, { config: { access: drops } }, async (request, reply) => {
    await deleteBucket(parts, request);
    return reply.code(200).send();
  });
  addUnsupported(app);
}
