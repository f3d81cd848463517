/** What people are told about feeds: one entry per destination. */

import type { SubscriberStatus } from '../../broker/requests.ts';
import type { Feed } from './feed.ts';

export function describeFeeds(feeds: readonly Feed[]): SubscriberStatus[] {
  return feeds.flatMap(({ tail, destinations, counts, cursors }) => {
    const { lag } = cursors;
    const { database, policy, subscription } = tail;
    const { name, mode } = subscription;
    return destinations.map((destination) => ({
      database,
      policy,
      name,
      mode,
      destination: destination.shown,
      problem: destination.problem ?? '',
      pointsSent: destination.counts.points,
      failures: destination.counts.failures,
      pointsRefused: counts.refused,
      entriesDropped: counts.dropped,
      lagEntries: lag.entries,
      lagBytes: lag.bytes,
    }));
  });
}
