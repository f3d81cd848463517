/** The settings of the listeners, as the node takes them; undefined = off. */

import type { NodeConfig } from '../../src/node/config.ts';
import type { SettingValues } from './settings.ts';

type Services = NodeConfig['services'];

export function toUdpSettings(values: SettingValues): Services['udp'] {
  if (values.udp === undefined) return undefined;
  return Object.freeze({
    ...values.udp,
    database: values['udp-database'],
    policy: values['udp-retention-policy'],
    precision: values['udp-precision'],
    batch: Object.freeze({
      size: values['udp-batch-size'],
      pending: values['udp-batch-pending'],
      timeoutMs: values['udp-batch-timeout'],
    }),
    readBufferBytes: values['udp-read-buffer'],
  });
}

export function toGraphiteSettings(values: SettingValues): Services['graphite'] {
  if (values.graphite === undefined) return undefined;
  return Object.freeze({
    ...values.graphite,
    protocol: values['graphite-protocol'],
    database: values['graphite-database'],
    policy: values['graphite-retention-policy'],
    separator: values['graphite-separator'],
    tags: Object.freeze([...values['graphite-tags']]),
    templates: Object.freeze([...values['graphite-templates']]),
    batch: Object.freeze({
      size: values['graphite-batch-size'],
      pending: values['graphite-batch-pending'],
      timeoutMs: values['graphite-batch-timeout'],
    }),
    readBufferBytes: values['graphite-udp-read-buffer'],
  });
}
