/** `citadel import`, `export` and the like as real processes that can be killed on their way. */

import { fileURLToPath } from 'node:url';
import { type ProgramResult, type ProgramRun, startProgram } from './run-program.ts';

const binary = fileURLToPath(new URL('../../bin/citadel', import.meta.url));

export function startTool(
  args: readonly string[],
  cwd: string,
  input?: string | Uint8Array,
): ProgramRun {
  const options = { cwd, ...(input !== undefined && { input }) };
  return startProgram(process.execPath, [binary, ...args], options);
}

export function runTool(
  args: readonly string[],
  cwd: string,
  input?: string | Uint8Array,
): Promise<ProgramResult> {
  return startTool(args, cwd, input).result;
}
