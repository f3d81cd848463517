/** Figures of feeds for /metrics. */

import type { Reading } from '../../base/reading.ts';
import { describeFeeds } from './describe-feeds.ts';
import type { Feed } from './feed.ts';

const labelNames = ['database', 'policy', 'subscription', 'destination'] as const;

type Value = Reading['values'][number];

function ofDestinations(
  feeds: readonly Feed[],
  read: (status: ReturnType<typeof describeFeeds>[number]) => number,
): Value[] {
  return describeFeeds(feeds).map((status) => {
    const { database, policy, name: subscription, destination } = status;
    return { labels: { database, policy, subscription, destination }, value: read(status) };
  });
}

/** The destinations of ANY have one feed: `destination` is then 'any'. */
function ofFeeds(feeds: readonly Feed[], read: (feed: Feed) => number): Value[] {
  return feeds.map((feed) => {
    const { database, policy, subscription } = feed.tail;
    const [first] = feed.destinations;
    const destination = subscription.mode === 'ANY' ? 'any' : (first?.shown ?? '');
    const labels = { database, policy, subscription: subscription.name, destination };
    return { labels, value: read(feed) };
  });
}

export function readFeeds(feeds: readonly Feed[]): Reading[] {
  const reading = (kind: Reading['kind'], name: string, help: string, values: Value[]) => {
    return { kind, name: `subscription_${name}`, help, labelNames, values };
  };
  return [
    reading(
      'counter',
      'points_sent',
      'Points that a destination has taken',
      ofDestinations(feeds, ({ pointsSent }) => pointsSent),
    ),
    reading(
      'counter',
      'failures',
      'Attempts to send that failed',
      ofDestinations(feeds, ({ failures }) => failures),
    ),
    reading(
      'gauge',
      'up',
      '1 when the last attempt to send did not fail',
      ofDestinations(feeds, ({ problem }) => (problem === '' ? 1 : 0)),
    ),
    reading(
      'counter',
      'points_refused',
      'Points that the destination will never take',
      ofFeeds(feeds, ({ counts }) => counts.refused),
    ),
    reading(
      'counter',
      'entries_dropped',
      'Log entries gone before they were sent, of whatever database',
      ofFeeds(feeds, ({ counts }) => counts.dropped),
    ),
    reading(
      'gauge',
      'lag_entries',
      'Log entries not sent yet, of whatever database',
      ofFeeds(feeds, ({ cursors }) => cursors.lag.entries),
    ),
    reading(
      'gauge',
      'lag_bytes',
      'Bytes of log entries not sent yet, of whatever database',
      ofFeeds(feeds, ({ cursors }) => cursors.lag.bytes),
    ),
  ];
}
