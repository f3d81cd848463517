/** What the node does by itself, beside answering requests. */

import { UsageError } from '../../flags/usage-error.ts';
import { readChoice, readDurationMs, readSize } from '../../flags/value-readers.ts';
import { setting } from './setting.ts';

const runIntervalMsMin = 10;

function readRunIntervalMs(text: string): number {
  const intervalMs = readDurationMs(text);
  if (intervalMs >= runIntervalMsMin) return intervalMs;
  throw new UsageError(`expected ${runIntervalMsMin}ms or more`);
}

export const servicesSettings = {
  'continuous-queries-enabled': setting({
    group: 'Services',
    value: 'true|false',
    help: 'whether this node runs continuous queries; in a cluster each is run by one of the nodes that do',
    fallback: () => 'true',
    read: (text) => readChoice(text, ['true', 'false']) === 'true',
  }),
  'continuous-queries-run-interval': setting({
    group: 'Services',
    value: 'TIME',
    help: 'how often to look which continuous queries are due',
    fallback: () => '1s',
    read: readRunIntervalMs,
  }),
  'subscription-log-size': setting({
    group: 'Services',
    value: 'SIZE',
    help: 'how much of the commit log is kept for destinations of subscriptions that are behind; beyond it they lose the oldest points',
    fallback: () => '1GiB',
    read: (text, { memoryBytes }) => readSize(text, memoryBytes),
  }),
};
