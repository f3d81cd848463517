/**
 * Ends answers that never got their connection.
 *
 * Of requests sent in a row on one connection, Node gives the connection to one answer after the
 * other. When it breaks, only the answer that has it is told; those that wait would wait for ever,
 * with all they hold. Here each of them gets its `close` too.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

function closeWaiting(answers: ReadonlySet<ServerResponse>): void {
  for (const answer of answers) {
    if (answer.socket !== null || answer.writableFinished || answer.closed) continue;
    answer.destroyed = true;
    answer.emit('close');
  }
}

export function closeQueuedAnswers(server: Server): void {
  const openAnswers = new WeakMap<Socket, Set<ServerResponse>>();
  server.on('request', ({ socket }: IncomingMessage, answer: ServerResponse) => {
    let open = openAnswers.get(socket);
    if (open === undefined) {
      const created = new Set<ServerResponse>();
      socket.once('close', () => closeWaiting(created));
      openAnswers.set(socket, created);
      open = created;
    }
    const answers = open;
    answers.add(answer);
    answer.once('close', () => answers.delete(answer));
  });
}
