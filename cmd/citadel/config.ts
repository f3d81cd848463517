/**
 * Configuration of the server: command line over environment over file over default, checked and
 * frozen. Pure but for reading the configuration file through `readFile`.
 */

import { parse as parseToml, type TomlTable, type TomlValue } from 'smol-toml';
import type { NodeConfig } from '../../src/node/config.ts';
import { type FlagSyntax, type FlagTexts, parseFlags } from '../flags/parse-flags.ts';
import { describeSuggestion } from '../flags/suggest.ts';
import { UsageError } from '../flags/usage-error.ts';
import { toGraphiteSettings, toUdpSettings } from './listener-config.ts';
import type { Machine, Setting } from './settings/setting.ts';
import {
  environmentName,
  type SettingName,
  type SettingValues,
  settingNames,
  settings,
} from './settings.ts';

export type LogFormat = 'json' | 'logfmt' | 'text';

/** What `cmd/citadel` needs to know: the node's own part and the log's. */
export interface CitadelConfig {
  readonly node: NodeConfig;
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly format: LogFormat;
  };
  /** Shown once at start: likely mistakes that are no errors. */
  readonly warnings: readonly string[];
}

type ReadFile = (path: string) => string;

/** As long as what HMAC with SHA-256 makes of it: a shorter one could be guessed from any token. */
const secretSizeMin = 32;

export interface ConfigSources {
  readonly args: readonly string[];
  readonly machine: Machine;
  readonly version: string;
  /** Decides what `-log-format auto` means. */
  readonly isTerminal: boolean;
  readonly readFile: ReadFile;
}

/** A text for one setting and where it came from, in the words of an error message. */
interface Given {
  readonly text: string;
  readonly origin: string;
}

type GivenTexts = ReadonlyMap<SettingName, Given>;

export const flagSyntax: readonly FlagSyntax[] = [
  ...settingNames.map((name) => ({ name })),
  { name: 'config' },
  { name: 'help', alias: 'h', isSwitch: true },
  { name: 'version', alias: 'v', isSwitch: true },
];

function asSettingName(name: string): SettingName | undefined {
  return settingNames.find((known) => known === name);
}

function fromFlags(flags: FlagTexts): GivenTexts {
  const given = new Map<SettingName, Given>();
  for (const name of settingNames) {
    const text = flags.get(name)?.at(-1);
    if (text !== undefined) given.set(name, { text, origin: `-${name}` });
  }
  return given;
}

/** An empty variable counts as not set: container files often pass empty ones. */
function fromEnvironment(env: Machine['env']): GivenTexts {
  const given = new Map<SettingName, Given>();
  for (const name of settingNames) {
    const variable = environmentName(name);
    const text = env[variable];
    if (text) given.set(name, { text, origin: variable });
  }
  return given;
}

function tomlText(value: TomlValue, origin: string, separator = ','): string {
  if (Array.isArray(value)) return value.map((item) => tomlText(item, origin)).join(separator);
  if (typeof value === 'object') throw new UsageError(`bad value for ${origin}: expected a text`);
  return String(value);
}

function parseFile(path: string, text: string): TomlTable {
  try {
    return parseToml(text);
  } catch (error) {
    const [first = ''] = String(error instanceof Error ? error.message : error).split('\n');
    const place = (error as { line?: number }).line;
    const where = place === undefined ? path : `${path}, line ${place}`;
    throw new UsageError(`cannot read ${where}: ${first}`);
  }
}

function fromFile(path: string, readFile: ReadFile): GivenTexts {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot read the configuration file: ${reason}`);
  }
  const given = new Map<SettingName, Given>();
  for (const [key, value] of Object.entries(parseFile(path, text))) {
    const name = asSettingName(key);
    if (name === undefined) {
      throw new UsageError(
        `unknown key "${key}" in ${path}${describeSuggestion(key, settingNames)}`,
      );
    }
    const origin = `${key} in ${path}`;
    const { separator } = settings[name] as Setting<unknown>;
    given.set(name, { text: tomlText(value, origin, separator), origin });
  }
  return given;
}

/** The texts given for settings: command line first, then environment, then file. */
function gatherLayers(flags: FlagTexts, { machine, readFile }: ConfigSources): GivenTexts[] {
  const path = flags.get('config')?.at(-1) ?? (machine.env.CITADEL_CONFIG || undefined);
  const file: GivenTexts = path === undefined ? new Map() : fromFile(path, readFile);
  return [fromFlags(flags), fromEnvironment(machine.env), file];
}

/** A setting as it is in force. */
export interface EffectiveSetting {
  readonly name: SettingName;
  readonly text: string;
  /** Undefined = nobody has said anything else than the default. */
  readonly origin: string | undefined;
}

/** All settings in the order of the help. @throws UsageError */
export function listEffective(sources: ConfigSources): EffectiveSetting[] {
  const layers = gatherLayers(parseFlags(sources.args, flagSyntax), sources);
  return settingNames.map((name) => {
    const given = layers.map((layer) => layer.get(name)).find((found) => found !== undefined);
    return {
      name,
      text: given?.text ?? settings[name].fallback(sources.machine),
      origin: given?.origin,
    };
  });
}

function readValues(layers: readonly GivenTexts[], machine: Machine): SettingValues {
  const entries = settingNames.map((name) => {
    const { fallback, read } = settings[name];
    const given = layers.map((layer) => layer.get(name)).find((found) => found !== undefined);
    const { text, origin } = given ?? { text: fallback(machine), origin: `-${name}` };
    try {
      return [name, read(text, machine)];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`bad value "${text}" for ${origin}: ${error.message}`);
    }
  });
  return Object.fromEntries(entries) as SettingValues;
}

function warnOfStrangers(env: Machine['env']): string[] {
  const known = [...settingNames.map(environmentName), 'CITADEL_CONFIG'];
  return Object.keys(env)
    .filter((name) => name.startsWith('CITADEL_') && !known.includes(name))
    .map((name) => `unknown variable ${name} is ignored${describeSuggestion(name, known)}`);
}

/** A file that a setting names; '' = none. */
function readNamed(name: SettingName, path: string, readFile: ReadFile): string {
  if (path === '') return '';
  try {
    return readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot read the file of -${name}: ${reason}`);
  }
}

function toClusterConfig(values: SettingValues, readFile: ReadFile): NodeConfig['cluster'] {
  if (values.kvstore.length === 0) return undefined;
  if ((values['kvstore-cert'] === '') !== (values['kvstore-key'] === '')) {
    throw new UsageError('-kvstore-cert and -kvstore-key go together');
  }
  const read = (name: 'kvstore-password-file' | 'kvstore-ca' | 'kvstore-cert' | 'kvstore-key') =>
    readNamed(name, values[name], readFile);
  return Object.freeze({
    name: values.cluster,
    etcd: Object.freeze({
      urls: Object.freeze(values.kvstore),
      user: values['kvstore-user'],
      password: read('kvstore-password-file').trimEnd(),
      ca: read('kvstore-ca'),
      cert: read('kvstore-cert'),
      key: read('kvstore-key'),
    }),
    rpc: Object.freeze({
      host: values.grpc.host,
      port: values.grpc.port,
      snapshotPort: values['snapshot-port'],
    }),
    url: values.url,
    zone: values.zone,
    replicationFactor: values.replicas,
    leaseTtlMs: values.lease,
    replaceAfterMs: values['replace-after'],
  });
}

function toServiceSettings(values: SettingValues): NodeConfig['services'] {
  return Object.freeze({
    continuousQueries: Object.freeze({
      enabled: values['continuous-queries-enabled'],
      runIntervalMs: values['continuous-queries-run-interval'],
    }),
    udp: toUdpSettings(values),
    graphite: toGraphiteSettings(values),
    subscriptions: Object.freeze({ logBytesMax: values['subscription-log-size'] }),
  });
}

/** Line ends around it are not part of a secret. */
function readSecret(path: string, readFile: ReadFile): string {
  const secret = readNamed('shared-secret-file', path, readFile).trim();
  if (path !== '' && Buffer.byteLength(secret) < secretSizeMin) {
    throw new UsageError(
      `the secret in the file of -shared-secret-file is too short: ${secretSizeMin} bytes or more, such as "openssl rand -hex 32" makes`,
    );
  }
  return secret;
}

function toAccessConfig(values: SettingValues, readFile: ReadFile): NodeConfig['access'] {
  return Object.freeze({
    isEnabled: values['auth-enabled'],
    asksAtPing: values['ping-auth-enabled'],
    sharedSecret: readSecret(values['shared-secret-file'], readFile),
    allowChangesByGet: values['allow-changes-by-get'],
  });
}

function toNodeConfig(values: SettingValues, version: string, readFile: ReadFile): NodeConfig {
  return Object.freeze({
    dataDir: values.db,
    http: Object.freeze(values.http),
    grpc: Object.freeze(values.grpc),
    cluster: toClusterConfig(values, readFile),
    consistency: values.consistency,
    uuid: values.uuid,
    shardCount: values.shards,
    fsync: values.fsync,
    fsyncIntervalMs: values['fsync-interval'],
    memoryBytes: values.memory,
    maxBodyBytes: values['max-body-size'],
    care: Object.freeze({
      scrubIntervalMs: values['scrub-interval'],
      scrubBytesPerSecond: values['scrub-rate'],
      compareIntervalMs: values['compare-interval'],
    }),
    threads: values.threads,
    limits: Object.freeze({
      queryTimeoutMs: values['query-timeout'],
      maxSelectPoint: values['max-select-point'],
      maxSelectSeries: values['max-select-series'],
      maxSelectBuckets: values['max-select-buckets'],
      maxConcurrentQueries: values['max-concurrent-queries'],
      queryMemoryBytes: values['max-query-memory'](values.memory),
      queriesMemoryBytes: values['total-query-memory'](values.memory),
    }),
    services: toServiceSettings(values),
    access: toAccessConfig(values, readFile),
    version,
  });
}

function chooseLogFormat(format: SettingValues['log-format'], isTerminal: boolean): LogFormat {
  if (format !== 'auto') return format;
  return isTerminal ? 'text' : 'json';
}

/** 'help' and 'version' win over everything else on the line. */
export function readConfig(sources: ConfigSources): CitadelConfig | 'help' | 'version' {
  const { args, machine, version, isTerminal, readFile } = sources;
  const flags = parseFlags(args, flagSyntax);
  if (flags.get('help')?.at(-1) === 'true') return 'help';
  if (flags.get('version')?.at(-1) === 'true') return 'version';

  const values = readValues(gatherLayers(flags, sources), machine);
  return Object.freeze({
    node: toNodeConfig(values, version, readFile),
    log: Object.freeze({
      level: values['log-level'],
      format: chooseLogFormat(values['log-format'], isTerminal),
    }),
    warnings: Object.freeze(warnOfStrangers(machine.env)),
  });
}
