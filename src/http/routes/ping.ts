/** /ping, /status and /health: whether somebody is there. */

import type { FastifyInstance } from 'fastify';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { influxVersion } from '../server/answer-headers.ts';
import { quoteJson, sendJson } from '../server/error-reply.ts';

function isVerbose(value: string | null): boolean {
  return value !== null && value !== '' && value !== '0' && value !== 'false';
}

export function addPingRoutes(app: FastifyInstance, parts: HttpParts): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/ping',
    config: { access: 'ping' },
    handler: (request, reply) => {
      if (!isVerbose(readUrlParameters(request).get('verbose'))) return reply.code(204).send();
      return sendJson(reply, `{"version":"${influxVersion}"}\n`);
    },
  });
  app.route({
    method: ['GET', 'HEAD'],
    url: '/status',
    config: { access: 'ping' },
    handler: (_request, reply) => reply.code(204).send(),
  });
  app.get('/health', { config: { access: 'open' } }, async (_request, reply) => {
    const problem = await parts.broker.problem();
    const healthy = problem === '';
    const message = healthy ? 'ready for queries and writes' : problem;
    const status = healthy ? 'pass' : 'fail';
    void reply.code(healthy ? 200 : 503);
    return sendJson(
      reply,
      `{"checks":[],"message":${quoteJson(message)},"name":"influxdb","status":"${status}","version":"${influxVersion}"}\n`,
    );
  });
}
