/**
 * Command line flags with one dash or two: `-db X`, `--db X`, `-db=X`, `--db=X`.
 *
 * Written here because the common libraries read `-db` as the short flags `-d -b`. Knows nothing of
 * what flags mean: it returns the texts given for each name, in order.
 */

import { describeSuggestion } from './suggest.ts';
import { UsageError } from './usage-error.ts';

export interface FlagSyntax {
  readonly name: string;
  /** A switch takes no value (but `-x=false` is understood). */
  readonly isSwitch?: boolean;
  /** Another spelling, e.g. `h` for `help`. */
  readonly alias?: string;
}

/** The texts given for each flag name, in order; switches give 'true' or 'false'. */
export type FlagTexts = ReadonlyMap<string, readonly string[]>;

interface Token {
  readonly name: string;
  readonly value: string | undefined;
}

function splitToken(argument: string): Token {
  const body = argument.replace(/^--?/, '');
  const equals = body.indexOf('=');
  if (equals < 0) return { name: body, value: undefined };
  return { name: body.slice(0, equals), value: body.slice(equals + 1) };
}

function findFlag(argument: string, name: string, flags: readonly FlagSyntax[]): FlagSyntax {
  const flag = flags.find((candidate) => candidate.name === name || candidate.alias === name);
  if (flag !== undefined) return flag;
  const names = flags.map((candidate) => candidate.name);
  const shown = argument.split('=', 1)[0] ?? argument;
  throw new UsageError(`unknown flag ${shown}${describeSuggestion(name, names, '-')}`);
}

function readSwitch(argument: string, value: string | undefined): string {
  if (value === undefined || value === 'true') return 'true';
  if (value === 'false') return 'false';
  throw new UsageError(`flag ${argument.split('=', 1)[0]} takes no value`);
}

function isFlag(argument: string | undefined, flags: readonly FlagSyntax[]): boolean {
  if (argument === undefined || !argument.startsWith('-')) return false;
  const { name } = splitToken(argument);
  return flags.some((flag) => flag.name === name || flag.alias === name);
}

/** `operands`, when given, takes what is no flag; without it such an argument is refused. */
export function parseFlags(
  args: readonly string[],
  flags: readonly FlagSyntax[],
  operands?: string[],
): FlagTexts {
  const texts = new Map<string, string[]>();
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    const isOperand = !argument.startsWith('-') || argument === '-';
    if (isOperand && operands !== undefined) {
      operands.push(argument);
      continue;
    }
    if (isOperand || argument === '--') {
      throw new UsageError(`unexpected argument "${argument}"; flags start with a dash`);
    }
    const token = splitToken(argument);
    const flag = findFlag(argument, token.name, flags);
    let { value } = token;
    if (flag.isSwitch === true) {
      value = readSwitch(argument, value);
    } else if (value === undefined) {
      const next = args[i + 1];
      if (next === undefined || isFlag(next, flags)) {
        throw new UsageError(`flag -${flag.name} needs a value`);
      }
      value = next;
      i++;
    }
    texts.set(flag.name, [...(texts.get(flag.name) ?? []), value]);
  }
  return texts;
}
