/** The ways in beside HTTP: those that are switched on. */

import type { Service, ServiceParts } from '../parts.ts';
import { startGraphite } from './graphite.ts';
import { startUdp } from './udp.ts';

/** @throws CitadelError as the listener that could not start; the other is stopped */
export async function startListeners(parts: ServiceParts): Promise<Service> {
  const { udp, graphite } = parts.settings;
  const started: Service[] = [];
  const stop = async (): Promise<void> => {
    for (const service of started) await service.stop();
  };
  try {
    if (udp !== undefined) started.push(await startUdp(parts, udp));
    if (graphite !== undefined) started.push(await startGraphite(parts, graphite));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: 'listeners',
    readings: () => started.flatMap((service) => service.readings()),
    describe: () => Object.fromEntries(started.map((one) => [one.name, one.describe()])),
    stop,
  };
}
