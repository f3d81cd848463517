/**
 * Structured log on standard error: pino's JSON, or lines for people and for `grep`.
 *
 * Writes are synchronous: events are rare (state changes, not requests) and the last one before an
 * end must not be lost.
 */

import pino from 'pino';
import type { Log, LogFields } from '../env.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'logfmt' | 'text';

type Line = Readonly<Record<string, unknown>>;

const plainValue = /^[^\s"=]+$/;

function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  return plainValue.test(text) ? text : JSON.stringify(text);
}

/** `time=... level=info event="log opened" logs=2` */
function formatLogfmt(line: Line): string {
  return Object.entries(line)
    .map(([key, value]) => `${key}=${formatValue(value)}`)
    .join(' ');
}

/** `12:01:02.345 INFO  log opened  logs=2`, an error's stack on lines of its own. */
function formatText(line: Line): string {
  const { time, level, event, error, ...rest } = line;
  const stack = (error as { stack?: unknown } | undefined)?.stack;
  const fields = { ...rest, ...(error === undefined || stack ? {} : { error }) };
  const clock = String(time).slice(11, 23);
  const head = `${clock} ${String(level).toUpperCase().padEnd(5)} ${event}`;
  const tail = Object.keys(fields).length > 0 ? `  ${formatLogfmt(fields)}` : '';
  return stack ? `${head}${tail}\n${stack}` : head + tail;
}

function describeError(error: unknown): unknown {
  return error instanceof Error
    ? { ...pino.stdSerializers.err(error), ...('code' in error ? { code: error.code } : {}) }
    : error;
}

function toLog(logger: pino.Logger): Log {
  return {
    debug: (event, fields = {}) => logger.debug(fields, event),
    info: (event, fields = {}) => logger.info(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    error: (event, fields = {}) => logger.error(fields, event),
    with: (fields: LogFields) => toLog(logger.child(fields)),
  };
}

export function createNodeLog(level: LogLevel, format: LogFormat): Log {
  const output = pino.destination({ fd: 2, sync: true });
  // A reader of the log that went away is no reason to stop storing data.
  output.on('error', () => undefined);
  const print = format === 'text' ? formatText : formatLogfmt;
  const lines = { write: (json: string) => output.write(`${print(JSON.parse(json))}\n`) };
  const options: pino.LoggerOptions = {
    level,
    base: null,
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: describeError },
  };
  return toLog(pino(options, format === 'json' ? output : lines));
}
