/**
 * What a request needs before its handler runs. Every route says it in its options:
 *
 *     app.post('/write', { config: { access: writesTo(databaseOf) } }, handler)
 *
 *  - `open`: anybody, nobody is asked who he is.
 *  - `ping`: anybody, unless the server is to ask here too (-ping-auth-enabled).
 *  - `user`: whoever logs in; the handler checks `request.rights` itself, with the functions of access/rights.ts.
 *  - `admin`: administrators.
 *  - `writesTo(f)`, `readsFrom(f)`: who may write to, read from the database that `f(request)` names. `f` runs
 *    whether or not rights are checked, before the body is read: what it throws is the answer (no database
 *    named, database not found), after 401 and before 403, as in InfluxDB.
 *
 * A route that says nothing stops the server from starting while rights are checked.
 */

import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import type { Access } from '../../access/access.ts';
import {
  allRights,
  checkAdmin,
  checkDatabaseRight,
  noRights,
  type Rights,
} from '../../access/rights.ts';
import type { DatabaseRight } from '../../access/statement-needs.ts';
import { invariant } from '../../base/errors.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';

type FindDatabase = (request: FastifyRequest) => string | Promise<string>;

interface DatabaseAccess {
  readonly right: DatabaseRight;
  readonly database: FindDatabase;
}

export type RouteAccess = 'open' | 'ping' | 'user' | 'admin' | DatabaseAccess;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: RouteAccess;
  }
  interface FastifyRequest {
    /** Of whoever sent it; none on open routes. */
    rights: Rights;
  }
}

export function writesTo(database: FindDatabase): RouteAccess {
  return { right: 'WRITE', database };
}

export function readsFrom(database: FindDatabase): RouteAccess {
  return { right: 'READ', database };
}

async function identify(access: Access, request: FastifyRequest): Promise<Rights> {
  if (!access.isEnabled) return allRights;
  const parameters = readUrlParameters(request);
  return access.identify({
    urlUser: parameters.get('u') ?? '',
    urlPassword: parameters.get('p') ?? '',
    authorization: request.headers.authorization ?? '',
    address: request.raw.socket.remoteAddress ?? '',
  });
}

function requireDeclared({ url, config }: RouteOptions): void {
  invariant(config?.access !== undefined, `the route ${url} says who may use it`);
}

export interface RouteAccessOptions {
  readonly asksAtPing: boolean;
}

/** To be called before the first route is added. */
export function addRouteAccess(
  app: FastifyInstance,
  access: Access,
  { asksAtPing }: RouteAccessOptions,
): void {
  if (access.isEnabled) app.addHook('onRoute', requireDeclared);
  app.decorateRequest('rights');
  app.addHook('onRequest', async (request) => {
    request.rights = noRights;
    const { url = '', config } = request.routeOptions;
    const needed = config.access ?? 'open';
    if (request.is404 || needed === 'open' || (needed === 'ping' && !asksAtPing)) return;
    const rights = await identify(access, request);
    request.rights = rights;
    if (needed === 'admin') checkAdmin(rights, url);
    if (typeof needed === 'string') return;
    checkDatabaseRight(rights, needed.right, await needed.database(request));
  });
}
