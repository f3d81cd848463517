/**
 * A tool: a subcommand with flags and operands of its own, beside those that ask a node one thing
 * (commands.ts).
 */

import { type FlagSyntax, type FlagTexts, parseFlags } from '../../flags/parse-flags.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { renderFlag, wrapText } from '../../flags/wrap-text.ts';
import type { CommandIo } from './command-io.ts';

export interface ToolFlag extends FlagSyntax {
  /** Name of the value in the help; switches have none. */
  readonly value?: string;
  readonly help: string;
}

export interface Tool {
  readonly summary: string;
  /** What stands behind the name, as the help shows it: `[FILE]`. */
  readonly operands: string;
  readonly operandsMax: number;
  readonly flags: readonly ToolFlag[];
  /** Flags that the help of something else explains. */
  readonly otherFlags?: readonly FlagSyntax[];
  /** Paragraphs. */
  readonly details: readonly string[];
  readonly examples: readonly string[];
  /** Resolves with the exit status. */
  readonly run: (call: ToolCall, io: CommandIo) => Promise<number>;
}

export interface ToolCall {
  readonly operands: readonly string[];
  readonly flags: FlagTexts;
}

const helpFlag: ToolFlag = { name: 'help', alias: 'h', isSwitch: true, help: 'this text' };

export function lastOf(flags: FlagTexts, name: string): string | undefined {
  return flags.get(name)?.at(-1);
}

export function isSet(flags: FlagTexts, name: string): boolean {
  return lastOf(flags, name) === 'true';
}

/** All that were given, repeated or with commas. */
export function listOf(flags: FlagTexts, name: string): string[] {
  return (flags.get(name) ?? []).flatMap((text) => text.split(',')).map((text) => text.trim());
}

/** What `read` makes of the flag's text; its complaint says which flag it was. @throws UsageError */
export function readFlag<T>(
  flags: FlagTexts,
  name: string,
  read: (text: string) => T,
  fallback: T,
): T {
  const text = lastOf(flags, name);
  if (text === undefined) return fallback;
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`bad value "${text}" for -${name}: ${error.message}`);
  }
}

function renderToolHelp(name: string, tool: Tool): string {
  const flags = [...tool.flags, helpFlag].flatMap(({ name: flag, value, help }) =>
    renderFlag(value === undefined ? `-${flag}` : `-${flag} ${value}`, help),
  );
  const paragraphs = tool.details.flatMap((text) => ['', ...wrapText(text, 100)]);
  const examples = ['', 'Examples', ...tool.examples.map((example) => `  ${example}`)];
  const usage = `Usage: citadel ${name} ${tool.operands} [-flag value]...`;
  const lines = [`citadel ${name}: ${tool.summary}`, '', usage, '', ...flags];
  return `${[...lines, ...paragraphs, ...examples].join('\n')}\n`;
}

/** Operands may stand before and behind the flags; one dash alone is an operand. @throws UsageError */
export async function runTool(
  name: string,
  tool: Tool,
  args: readonly string[],
  io: CommandIo,
): Promise<number> {
  const operands: string[] = [];
  const known = [...tool.flags, helpFlag, ...(tool.otherFlags ?? [])];
  const flags = parseFlags(args, known, operands);
  if (isSet(flags, 'help')) {
    io.out(renderToolHelp(name, tool));
    return 0;
  }
  if (operands.length > tool.operandsMax) {
    const extra = operands[tool.operandsMax] ?? '';
    throw new UsageError(`unexpected argument "${extra}"; see citadel ${name} -help`);
  }
  return tool.run({ operands, flags }, io);
}
