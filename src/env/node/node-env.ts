/** The real world as an `Env`, built once, in `cmd`. */

import type { Env } from '../env.ts';
import { createNodeLog, type LogFormat, type LogLevel } from './node-log.ts';
import { createThreadEnv } from './thread-env.ts';

export interface NodeEnvOptions {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export function createNodeEnv(options: NodeEnvOptions): Env {
  return createThreadEnv(createNodeLog(options.logLevel, options.logFormat));
}
