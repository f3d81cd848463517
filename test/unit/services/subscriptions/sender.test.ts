/**
 * Goal: whatever destinations answer, every line ends up delivered, or refused and counted; of several
 * destinations each body goes to one; pauses between attempts at a dead one grow up to their bound.
 * Method: servers of a simulated network that fail at random.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { createSimEnv, type SimEnv } from '../../../../src/env/sim/sim-env.ts';
import { Destination } from '../../../../src/services/subscriptions/destination.ts';
import { type Lines, LineWriter } from '../../../../src/services/subscriptions/line-writer.ts';
import { Sender } from '../../../../src/services/subscriptions/sender.ts';

const target = { database: 'd b', policy: 'r' };
const never = new AbortController().signal;

function linesOf(texts: readonly string[]): Lines {
  const writer = new LineWriter();
  for (const text of texts) {
    writer.putText(text);
    writer.endLine();
  }
  return writer.take();
}

function makeSender(env: SimEnv, hosts: readonly string[]) {
  const refused: number[] = [];
  const destinations = hosts.map((host) => new Destination(env, `http://${host}`, target));
  const onRefused = (points: number) => refused.push(points);
  return { sender: new Sender({ env, destinations, onRefused }), destinations, refused };
}

/** As a feed does it. */
async function sendUntilTaken(env: SimEnv, sender: Sender, lines: Lines): Promise<void> {
  for (;;) {
    try {
      await sender.send(lines, never);
      return;
    } catch (error) {
      expect(error).toBeInstanceOf(CitadelError);
      await env.timers.sleep(Math.max(1, sender.notBeforeMs - env.clock.monotonicMs()));
    }
  }
}

const behaviour = fc.constantFrom(204, 204, 200, 500, 503, 401, 404, 'broken' as const);

test('every line is delivered to one of the destinations, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.array(fc.array(behaviour, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 }),
      async (seed, behaviours) => {
        const env = createSimEnv(seed);
        const got: string[] = [];
        const hosts = behaviours.map((answers, i) => {
          const all = [...answers, 204 as const];
          let turn = 0;
          env.network.servers.set(`h${i}:1`, async ({ url, body }) => {
            expect(url).toBe(`http://h${i}:1/write?consistency=&db=d+b&precision=ns&rp=r`);
            const answer = all[turn++ % all.length]!;
            if (answer === 'broken') throw new CitadelError('unavailable', 'connection lost');
            if (answer < 300) got.push(...Buffer.from(body).toString().trimEnd().split('\n'));
            return { status: answer, text: '' };
          });
          return `h${i}:1`;
        });
        const { sender, refused } = makeSender(env, hosts);
        const sent: string[] = [];
        await env.scheduler.run(
          (async () => {
            for (let i = 0; i < 10; i++) {
              const texts = [`a v=${i} 1`, `b v=${i} 2`];
              sent.push(...texts);
              await sendUntilTaken(env, sender, linesOf(texts));
            }
          })(),
        );
        expect(got).toEqual(sent);
        expect(refused).toEqual([]);
      },
    ),
    { numRuns: 50 },
  );
});

test('what is too large is cut until it fits; a single line that does not is refused', async () => {
  const env = createSimEnv(1);
  const got: string[] = [];
  env.network.servers.set('h:1', async ({ body }) => {
    if (body.length > 40) return { status: 413, text: 'too large' };
    got.push(...Buffer.from(body).toString().trimEnd().split('\n'));
    return { status: 204, text: '' };
  });
  const { sender, refused } = makeSender(env, ['h:1']);
  const before = sender.bodySizeMax;
  const texts = Array.from({ length: 9 }, (_, i) => `m,host=h v=${i} 1`);
  texts[4] = `m,host=${'x'.repeat(50)} v=4 1`;
  await sender.send(linesOf(texts), never);
  expect(got).toEqual(texts.filter((_, i) => i !== 4));
  expect(refused).toEqual([1]);
  expect(sender.bodySizeMax).toBeLessThan(before);
});

test('a body that is refused by content is counted, said once a minute, and not sent again', async () => {
  const env = createSimEnv(2);
  let requests = 0;
  env.network.servers.set('h:1', async () => {
    requests++;
    return { status: 400, text: '{"error":"field type conflict"}' };
  });
  const { sender, refused, destinations } = makeSender(env, ['h:1']);
  await sender.send(linesOf(['a v=1 1', 'a v=2 2']), never);
  expect([requests, refused, destinations[0]!.problem]).toEqual([1, [2], undefined]);
});

test('a dead destination is tried ever more rarely, and named without its password', async () => {
  const env = createSimEnv(3);
  const destination = new Destination(env, 'http://bob:secret@h:1/x', target);
  const pauses: number[] = [];
  await env.scheduler.run(
    (async () => {
      for (let i = 0; i < 12; i++) {
        await expect(destination.deliver(linesOf(['a v=1 1']), never)).rejects.toThrow('refused');
        const pauseMs = destination.notBeforeMs - env.clock.monotonicMs();
        pauses.push(pauseMs);
        await env.timers.sleep(pauseMs);
      }
    })(),
  );
  expect(pauses[0]).toBeLessThanOrEqual(100);
  for (const [i, pauseMs] of pauses.entries()) {
    expect(pauseMs).toBeGreaterThanOrEqual(Math.min(15_000, 100 * 2 ** i) / 2 - 1);
    expect(pauseMs).toBeLessThanOrEqual(15_000);
  }
  expect(destination.counts).toEqual({ points: 0, failures: 12 });
  expect(env.events.filter(({ level }) => level === 'warn')).toHaveLength(1);
  expect(JSON.stringify(env.events)).not.toContain('secret');
  expect(destination.shown).toBe('http://h:1/x');
});

test('UDP: a datagram per line without its line feed, again from the beginning after an error', async () => {
  const env = createSimEnv(4);
  const got: string[] = [];
  const destination = new Destination(env, 'udp://h:1', target);
  await expect(destination.deliver(linesOf(['a v=1 1']), never)).rejects.toThrow('refused');
  env.network.receivers.set('h:1', (bytes) => got.push(Buffer.from(bytes).toString()));
  await destination.deliver(linesOf(['a v=1 1', 'b s="x" 2']), never);
  expect(got).toEqual(['a v=1 1', 'b s="x" 2']);
  expect(destination.counts).toEqual({ points: 2, failures: 1 });
});
