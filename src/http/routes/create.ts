/** POST /create?db=: makes a database; one that exists already is fine. */

import type { FastifyInstance } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { quoteJson, sendJson } from '../server/error-reply.ts';

export function addCreateRoute(app: FastifyInstance, { catalog }: HttpParts): void {
  app.post('/create', { config: { access: 'admin' } }, async (request, reply) => {
    const name = readUrlParameters(request).get('db') ?? '';
    if (name === '') throw new CitadelError('invalid-argument', 'database is required');
    const created = catalog.view.database(name) === undefined;
    const { defaultPolicy } = await catalog.createDatabase(name);
    return sendJson(
      reply,
      `{"database":${quoteJson(name)},"retentionPolicy":${quoteJson(defaultPolicy)},"created":${created}}\n`,
    );
  });
}
