/**
 * Every setting of the server in one table: flag `-name`, environment variable `CITADEL_NAME`, key
 * `name` of the configuration file. Help, parsing and checks all follow from it.
 */

import { accessSettings } from './settings/access-settings.ts';
import { basicSettings } from './settings/basic-settings.ts';
import { clusterSettings } from './settings/cluster-settings.ts';
import { limitSettings } from './settings/limit-settings.ts';
import { listenerSettings } from './settings/listener-settings.ts';
import { loggingSettings } from './settings/logging-settings.ts';
import { servicesSettings } from './settings/services-settings.ts';
import { storageSettings } from './settings/storage-settings.ts';

export const settings = {
  ...basicSettings,
  ...storageSettings,
  ...clusterSettings,
  ...limitSettings,
  ...accessSettings,
  ...servicesSettings,
  ...listenerSettings,
  ...loggingSettings,
};

export type SettingName = keyof typeof settings;

export type SettingValues = {
  readonly [Name in SettingName]: ReturnType<(typeof settings)[Name]['read']>;
};

export const settingNames = Object.keys(settings) as SettingName[];

export function environmentName(name: string): string {
  return `CITADEL_${name.toUpperCase().replaceAll('-', '_')}`;
}
