/**
 * Runs one node until a signal asks it to stop.
 *
 * The first SIGTERM or SIGINT stops cleanly; a second one, or a stop that takes too long, ends the
 * process at once. After an error nobody caught, state in memory may be wrong: the process ends and
 * recovers from disk at the next start.
 */

import { CitadelError } from '../../src/base/errors.ts';
import type { Env, Log } from '../../src/env/env.ts';
import { createNodeEnv } from '../../src/env/node/node-env.ts';
import { type RunningNode, startNode } from '../../src/node/node.ts';
import { renderBanner } from './banner.ts';
import type { CitadelConfig } from './config.ts';

const exitStatus = { startFailed: 1, defect: 70, sigint: 130, sigterm: 143 };
const stopPatienceMs = 30_000;
const signalEchoMs = 300;

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Errors of the system (a port in use, a missing right) and our own say enough in one line. */
function isExplained(error: unknown): error is Error {
  return error instanceof CitadelError || (error instanceof Error && 'syscall' in error);
}

function reportStartFailure(error: unknown): number {
  if (isExplained(error)) {
    process.stderr.write(`citadel: ${error.message}\n`);
    return exitStatus.startFailed;
  }
  process.stderr.write(`citadel: cannot start: ${describe(error)}\n`);
  return exitStatus.defect;
}

function dieOnDefects(log: Log): void {
  const die = (event: string) => (error: unknown) => {
    log.error(event, { error });
    process.exit(exitStatus.defect);
  };
  process.on('uncaughtException', die('uncaught exception'));
  process.on('unhandledRejection', die('unhandled rejection'));
  // A reader of our output that goes away is no reason to stop storing data.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
}

/**
 * Resolves at the first signal; from then on another one exits at once. Ctrl-C under npm comes
 * twice, from the terminal and from npm, within milliseconds: such an echo does not count.
 */
function waitForSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      const nowMs = performance.now();
      if (firstMs !== undefined && nowMs - firstMs > signalEchoMs) {
        process.exit(signal === 'SIGINT' ? exitStatus.sigint : exitStatus.sigterm);
      }
      firstMs ??= nowMs;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

async function stopNode(node: RunningNode, env: Env): Promise<number> {
  const patience = env.timers.after(stopPatienceMs, () => {
    process.stderr.write(`citadel: not stopped after ${stopPatienceMs / 1000} s, ending now\n`);
    process.exit(exitStatus.startFailed);
  });
  try {
    await node.stop();
    return 0;
  } catch (error) {
    env.log.error('stop failed', { error });
    return exitStatus.startFailed;
  } finally {
    patience.cancel();
  }
}

/** The exit status. */
export async function serve(config: CitadelConfig): Promise<number> {
  const env = createNodeEnv({ logLevel: config.log.level, logFormat: config.log.format });
  dieOnDefects(env.log);
  const signalled = waitForSignal();
  let started: RunningNode | NodeJS.Signals;
  try {
    started = await Promise.race([startNode(env, config.node), signalled]);
  } catch (error) {
    return reportStartFailure(error);
  }
  if (typeof started === 'string') {
    // Nothing was taken yet, and an opening that is cut short is done again at the next start.
    env.log.info('stopped while starting', { signal: started });
    return 0;
  }
  const node = started;
  if (process.stdout.isTTY) {
    process.stdout.write(renderBanner(config.node.version, node.httpUrl, config.node.dataDir));
  }
  node.failed.catch((error: unknown) => {
    env.log.error('a part has failed', { error: describe(error) });
    process.exit(exitStatus.defect);
  });
  const signal = await signalled;
  env.log.info('stopping', { signal });
  return stopNode(node, env);
}
