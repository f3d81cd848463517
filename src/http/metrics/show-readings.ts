/** Figures that services keep, as metrics: their names and labels are known only when they are read. */

import { Counter, Gauge, type Registry } from 'prom-client';
import type { Reading } from '../../base/reading.ts';

interface Metric {
  reset(): void;
  add(labels: Readonly<Record<string, string>>, value: number): void;
}

function makeMetric(registry: Registry, { kind, name, help, labelNames }: Reading): Metric {
  const options = { help, labelNames: [...labelNames], registers: [registry] };
  if (kind === 'gauge') {
    const gauge = new Gauge({ ...options, name: `citadel_${name}` });
    return { reset: () => gauge.reset(), add: (labels, value) => gauge.set(labels, value) };
  }
  const counter = new Counter({ ...options, name: `citadel_${name}_total` });
  return { reset: () => counter.reset(), add: (labels, value) => counter.inc(labels, value) };
}

/** Replaces what was shown by what is read now. */
export function showReadings(registry: Registry): (readings: readonly Reading[]) => void {
  const metrics = new Map<string, Metric>();
  return (readings) => {
    for (const metric of metrics.values()) metric.reset();
    for (const reading of readings) {
      const metric = metrics.get(reading.name) ?? makeMetric(registry, reading);
      metrics.set(reading.name, metric);
      for (const { labels, value } of reading.values) metric.add(labels, value);
    }
  };
}
