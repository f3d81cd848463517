/** What a setting is. */

/** The facts about this machine that defaults depend on. */
export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly memoryBytes: number;
  readonly cores: number;
}

export type SettingGroup =
  | 'Basics'
  | 'Storage'
  | 'Cluster'
  | 'Limits'
  | 'Access'
  | 'Services'
  | 'Logging';

export interface Setting<T> {
  readonly group: SettingGroup;
  /** Name of the value in the help. */
  readonly value: string;
  readonly help: string;
  /** The default as text, read like any other value. */
  readonly fallback: (machine: Machine) => string;
  /** What the help shows when the default depends on the machine. */
  readonly shownDefault?: string;
  /** Joins the items of a list in a file; default: a comma. */
  readonly separator?: string;
  readonly read: (text: string, machine: Machine) => T;
}

export function setting<T>(described: Setting<T>): Setting<T> {
  return described;
}

/** As good as no limit. */
export const noMaximum = Number.MAX_SAFE_INTEGER;
