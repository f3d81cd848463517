/**
 * Services: what a node does by itself, beside answering requests. They begin after the broker and
 * before the first request, and end after the last one; in a cluster the node may not be attached yet.
 */

import type { Reading } from '../base/reading.ts';
import { startContinuousQueries } from './continuous/continuous.ts';
import { startListeners } from './listeners/listeners.ts';
import type { Service, ServiceParts, StartService } from './parts.ts';
import { startSubscriptions } from './subscriptions/subscriptions.ts';

/** In the order they start in. */
const starters: readonly StartService[] = [
  startContinuousQueries,
  startSubscriptions,
  startListeners,
];

export interface Services {
  readings(): readonly Reading[];
  /** By name. */
  describe(): Readonly<Record<string, unknown>>;
  /** All of them, the last one first. */
  stop(): Promise<void>;
}

async function stopAll(services: readonly Service[]): Promise<void> {
  for (const service of [...services].reverse()) await service.stop();
}

/** @throws CitadelError as the service that could not start; those before it are stopped */
export async function startServices(parts: ServiceParts): Promise<Services> {
  const services: Service[] = [];
  try {
    for (const start of starters) services.push(await start(parts));
  } catch (error) {
    await stopAll(services);
    throw error;
  }
  return {
    readings: () => services.flatMap((service) => service.readings()),
    describe: () => Object.fromEntries(services.map((one) => [one.name, one.describe()])),
    stop: () => stopAll(services),
  };
}
