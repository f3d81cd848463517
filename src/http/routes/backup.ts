/**
 * What `citadel backup` and `citadel restore` ask of a node: the catalog, the sections of its shards, and the same
 * the other way. Streams are the pieces of snapshots, end to end; each piece says its size and is numbered, the
 * last one says so.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import type { CatalogEntry, NamedDatabase } from '../../metadata/restore-catalog.ts';
import type { StoreKind } from '../../model/cluster.ts';
import type { RestoredDatabase } from '../../model/store-backup.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import type { BackupPort, HttpParts } from '../parts.ts';
import { sendJson } from '../server/error-reply.ts';
import { streamAnswer, watchClient } from '../server/stream-answer.ts';

const adminOnly = { config: { access: 'admin' } } as const;

interface Place {
  readonly kind: StoreKind;
  readonly shard: number;
}

function readPlace(parameters: URLSearchParams): Place {
  const kind = parameters.get('kind');
  const shard = Number(parameters.get('shard') ?? Number.NaN);
  if ((kind === 'tstore' || kind === 'kstore') && Number.isInteger(shard) && shard >= 0) {
    return { kind, shard };
  }
  throw new CitadelError('invalid-argument', 'expected kind=tstore or kstore, and shard=N');
}

function readBody<T>({ bodyBytes }: FastifyRequest): T {
  try {
    return JSON.parse(new TextDecoder().decode(bodyBytes)) as T;
  } catch (cause) {
    throw new CitadelError('invalid-argument', 'cannot read the body: it is no JSON', { cause });
  }
}

function readSession(parameters: URLSearchParams): string {
  const session = parameters.get('session') ?? '';
  if (/^[\w-]{1,64}$/.test(session)) return session;
  throw new CitadelError('invalid-argument', 'expected session=NAME');
}

function sendDone(reply: FastifyReply, value: unknown = {}): FastifyReply {
  return sendJson(reply, `${JSON.stringify(value)}\n`);
}

function addBackup(app: FastifyInstance, parts: HttpParts, port: BackupPort): void {
  app.get('/cluster/backup/catalog', adminOnly, async (_request, reply) =>
    sendDone(reply, { entries: await port.readCatalog() }),
  );
  app.get('/cluster/backup/sections', adminOnly, async (request, reply) => {
    const { kind, shard } = readPlace(readUrlParameters(request));
    return sendDone(reply, { sections: await port.shards.sections(kind, shard) });
  });
  app.get('/cluster/backup/section', adminOnly, async (request, reply) => {
    const parameters = readUrlParameters(request);
    const { kind, shard } = readPlace(parameters);
    const { signal } = watchClient(reply);
    const pieces = port.shards.section(kind, shard, parameters.get('name') ?? '', signal);
    await streamAnswer(parts, reply, pieces, 'application/octet-stream');
  });
}

interface CatalogBody {
  readonly entries: readonly CatalogEntry[];
  readonly renames: Readonly<Record<string, string>>;
  /** Null = all. */
  readonly only: readonly string[] | null;
}

function addRestore(app: FastifyInstance, port: BackupPort): void {
  const { shards } = port;
  app.post('/cluster/restore/catalog', adminOnly, async (request, reply) => {
    const { entries, renames, only } = readBody<CatalogBody>(request);
    if (!Array.isArray(entries)) {
      throw new CitadelError('invalid-argument', 'expected {"entries":[...]}');
    }
    const chosen = only === null ? undefined : new Set(only);
    const names = new Map(Object.entries(renames));
    const databases: readonly NamedDatabase[] = await port.catalogRestore.run(
      entries,
      names,
      chosen,
    );
    return sendDone(reply, { databases });
  });
  app.post('/cluster/restore/keys', adminOnly, async (_request, reply) => {
    await port.setUpKeys();
    return sendDone(reply);
  });
  app.post('/cluster/restore/open', adminOnly, async (request, reply) => {
    const parameters = readUrlParameters(request);
    const { kind, shard } = readPlace(parameters);
    const { databases } = readBody<{ databases: readonly RestoredDatabase[] }>(request);
    await shards.openRestore(kind, shard, readSession(parameters), databases);
    return sendDone(reply);
  });
  app.post('/cluster/restore/piece', adminOnly, async (request, reply) => {
    const parameters = readUrlParameters(request);
    const { kind, shard } = readPlace(parameters);
    await shards.addPiece(kind, shard, readSession(parameters), Uint8Array.from(request.bodyBytes));
    return sendDone(reply);
  });
  app.post('/cluster/restore/finish', adminOnly, async (request, reply) => {
    const parameters = readUrlParameters(request);
    const { kind, shard } = readPlace(parameters);
    await shards.finishRestore(kind, shard, readSession(parameters));
    return sendDone(reply);
  });
}

export function addBackupRoutes(app: FastifyInstance, parts: HttpParts): void {
  const { backups } = parts;
  if (backups === undefined) return;
  addBackup(app, parts, backups);
  addRestore(app, backups);
}
