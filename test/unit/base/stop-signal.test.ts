/** Goal: whoever knows AbortSignal meets no surprise. Method: the same steps on both, what listeners hear compared. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StopController } from '../../../src/base/stop-signal.ts';

const step = fc.record({
  what: fc.constantFrom('listen', 'listen once', 'leave', 'abort'),
  listener: fc.nat({ max: 3 }),
});

interface Step {
  readonly what: string;
  readonly listener: number;
}

/** What listeners heard, in order; each takes its neighbour away as it hears. */
function hear(controller: AbortController, steps: readonly Step[]): string[] {
  const heard: string[] = [];
  const { signal } = controller;
  const listeners = [0, 1, 2, 3].map((number) => (event: Event) => {
    heard.push(`${number} ${event.type} ${signal.aborted} ${String(signal.reason)}`);
    signal.removeEventListener('abort', listeners[(number + 1) % 4]!);
  });
  steps.forEach(({ what, listener }, i) => {
    if (what === 'listen') signal.addEventListener('abort', listeners[listener]!);
    if (what === 'listen once') {
      signal.addEventListener('abort', listeners[listener]!, { once: true });
    }
    if (what === 'leave') signal.removeEventListener('abort', listeners[listener]!);
    if (what === 'abort') controller.abort(`step ${i}`);
  });
  return heard;
}

test('listeners hear what they would hear of an AbortController', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      expect(hear(new StopController(), steps)).toEqual(hear(new AbortController(), steps));
    }),
  );
});

test('without a reason there is one, and it is thrown', () => {
  const controller = new StopController();
  expect(() => controller.signal.throwIfAborted()).not.toThrow();
  controller.abort();
  expect(controller.signal.reason).toMatchObject({ name: 'AbortError' });
  expect(() => controller.signal.throwIfAborted()).toThrow('aborted');
});
