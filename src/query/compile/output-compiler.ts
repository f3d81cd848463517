/** The field list: collects calls and variables, and builds the expression of every column. */

import type { BinaryExpr, Call, Expr, VarRef } from '../../influxql/ast.ts';
import { isMathFunction } from '../../influxql/math-functions.ts';
import { printExpr } from '../../influxql/print-expr.ts';
import { someExpr } from '../../influxql/select-shape.ts';
import type { FieldType } from '../../model/field-type.ts';
import type { ArithmeticOp, ValueExpr } from '../eval/value-expr.ts';
import { invalid, unsupported } from '../query-context.ts';
import { checkArgumentType, functionRule } from './functions.ts';
import type { CallPlan } from './select-plan.ts';
import type { Table } from './tables.ts';
import { resolveVariable, type Variable } from './variables.ts';

/** Mathematical functions that answer in the type of their argument; the others give floats. */
const keepsType: ReadonlySet<string> = new Set(['abs', 'floor', 'ceil', 'round']);

const arithmetic: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '&', '|', '^']);

/** Names calls that the parser nests: `count(distinct(x))`. */
function flattenCall(call: Call): Call {
  const [first] = call.args;
  if (call.name === 'count' && first?.kind === 'call' && first.name === 'distinct') {
    return { kind: 'call', name: 'count-distinct', args: first.args };
  }
  return call;
}

export interface NameScope {
  readonly tables: readonly Table[];
  /** Those of stored tables, where `usesOperators` holds; else not needed. */
  readonly tagKeys: ReadonlySet<string>;
  /** Tags that subqueries group by. */
  readonly innerKeys: ReadonlySet<string>;
}

export class OutputCompiler {
  readonly calls: CallPlan[] = [];
  readonly variables: Variable[] = [];
  readonly #tables: readonly Table[];
  readonly #tagKeys: ReadonlySet<string>;
  readonly #innerKeys: ReadonlySet<string>;
  #argumentError: unknown;
  readonly #callCount: number;
  readonly #callIndex = new Map<string, number>();
  readonly #variableIndex = new Map<string, number>();

  constructor(exprs: readonly Expr[], { tables, tagKeys, innerKeys }: NameScope) {
    this.#tables = tables;
    this.#tagKeys = new Set([...tagKeys, ...innerKeys]);
    this.#innerKeys = innerKeys;
    const keys = new Set<string>();
    for (const expr of exprs) collectCalls(expr, keys);
    this.#callCount = keys.size;
  }

  compile(expr: Expr): ValueExpr {
    switch (expr.kind) {
      case 'paren':
        return this.compile(expr.expr);
      case 'var-ref':
        return this.#compileVariable(expr);
      case 'call':
        return this.#compileCall(flattenCall(expr));
      case 'binary':
        return this.#compileBinary(expr);
      case 'number':
        return { kind: 'constant', type: 'float', value: expr.value };
      case 'integer':
      case 'unsigned':
        return { kind: 'constant', type: expr.kind, value: expr.value };
      case 'string':
      case 'boolean':
        return { kind: 'constant', type: expr.kind, value: expr.value };
      default:
        throw invalid(`invalid expression: ${printExpr(expr)}`);
    }
  }

  #compileVariable(ref: VarRef): ValueExpr {
    const index = this.#variableOf(ref);
    const { type } = this.variables[index]!;
    return { kind: 'column', index: this.#callCount + index, type };
  }

  #variableOf(ref: VarRef): number {
    const key = printExpr(ref);
    let index = this.#variableIndex.get(key);
    if (index === undefined) {
      index = this.variables.push(resolveVariable(ref, this.#tables)) - 1;
      this.#variableIndex.set(key, index);
    }
    return index;
  }

  #compileCall(call: Call): ValueExpr {
    if (isMathFunction(call.name)) return this.#compileMath(call);
    const key = printExpr(call);
    let index = this.#callIndex.get(key);
    if (index === undefined) {
      index = this.calls.push(this.#planCall(call)) - 1;
      this.#callIndex.set(key, index);
    }
    return { kind: 'column', index, type: this.calls[index]!.type };
  }

  #compileMath({ name, args }: Call): ValueExpr {
    const compiled = args.map((arg) => this.compile(arg));
    const [first] = compiled;
    const type = keepsType.has(name) ? first?.type : 'float';
    const isNumber = type !== 'string' && type !== 'boolean';
    return { kind: 'math', name, args: compiled, type: isNumber ? type : undefined };
  }

  #planCall(call: Call): CallPlan {
    const rule = functionRule(call.name);
    if (rule === undefined) throw unsupported(`${call.name}()`);
    const [first, ...rest] = call.args;
    if (first?.kind === 'call' && rule.isTransform) return this.#planTransform(call, first);
    if (first?.kind !== 'var-ref') {
      if (first?.kind === 'call') throw unsupported(`${call.name}() of ${first.name}()`);
      throw invalid(`expected field argument in ${call.name}()`);
    }
    const keys = rest.filter((arg) => arg.kind === 'var-ref');
    const variable = resolveVariable(first, this.#tables);
    // Tags that a subquery groups by are columns to the query around it.
    const isInnerTag = variable.source === 'tag' && this.#innerKeys.has(first.name);
    const isUnknown = this.#tables.some(({ unknownFields }) => unknownFields.has(first.name));
    const isNamed = variable.source === 'field' || isInnerTag;
    const isField = variable.type !== undefined && isNamed && !isUnknown;
    if (isField) this.#checkType(call.name, variable.type);
    const answers = rule.answers === 'same' ? variable.type : rule.answers;
    return {
      fn: call.name,
      variable,
      inner: undefined,
      ...constantsOf(call.name, rest),
      keys: keys.length === 0 ? undefined : this.#tagsAmong(keys),
      type: isField ? answers : undefined,
    };
  }

  /** Types of arguments are wrong only if those of operators are right. */
  #checkType(name: string, type: FieldType): void {
    try {
      checkArgumentType(name, type);
    } catch (error) {
      this.#argumentError ??= error;
    }
  }

  /** @throws CitadelError `invalid-argument` for a function that does not take the type of its argument. */
  finish(): void {
    if (this.#argumentError !== undefined) throw this.#argumentError;
  }

  /** Fields do not tell rows apart. */
  #tagsAmong(refs: readonly VarRef[]): number[] {
    const indexes = refs.map((ref) => this.#variableOf(ref));
    return indexes.filter((index) => {
      const { source, name } = this.variables[index]!;
      return source === 'tag' || this.#tables.some(({ tagFields }) => tagFields.has(name));
    });
  }

  /** A transformation of what another call gives. */
  #planTransform(call: Call, argument: Call): CallPlan {
    const inner = this.#planCall(flattenCall(argument));
    if (inner.type !== undefined) this.#checkType(call.name, inner.type);
    const answers = functionRule(call.name)?.answers;
    const type = answers === 'same' ? inner.type : answers;
    return {
      fn: call.name,
      variable: inner.variable,
      inner,
      ...constantsOf(call.name, call.args.slice(1)),
      keys: undefined,
      type: inner.type === undefined ? undefined : type,
    };
  }

  #compileBinary(expr: BinaryExpr): ValueExpr {
    if (!arithmetic.has(expr.op)) throw unsupported(`operator ${expr.op} in the field list`);
    const op = expr.op as ArithmeticOp;
    const left = this.compile(expr.left);
    const right = this.compile(expr.right);
    const print = () => this.#printTyped(expr);
    const operands = {
      left: this.#operandType(expr.left, left),
      right: this.#operandType(expr.right, right),
    };
    const isLiteral = left.kind === 'constant' || right.kind === 'constant';
    const type = resultType(op, operands, isLiteral, print);
    return { kind: 'binary', op, left, right, type };
  }

  /** The type as messages name it; undefined = unknown, and then never an error. */
  #operandType(expr: Expr, compiled: ValueExpr): OperandType | undefined {
    if (expr.kind === 'paren') return this.#operandType(expr.expr, compiled);
    if (expr.kind !== 'var-ref') return compiled.type;
    const { source } = resolveVariable(expr, this.#tables);
    if (source === 'field') return compiled.type;
    return this.#tagKeys.has(expr.name) ? 'tag' : undefined;
  }

  /** The expression with the types of its names, as messages show it. */
  #printTyped(expr: Expr): string {
    switch (expr.kind) {
      case 'var-ref': {
        const { source, type } = resolveVariable(expr, this.#tables);
        if (source === 'field') return printExpr({ ...expr, cast: type });
        return this.#tagKeys.has(expr.name) ? printExpr({ ...expr, cast: 'tag' }) : printExpr(expr);
      }
      case 'binary':
        return `${this.#printTyped(expr.left)} ${expr.op} ${this.#printTyped(expr.right)}`;
      case 'paren':
        return `(${this.#printTyped(expr.expr)})`;
      case 'call':
        return `${expr.name}(${expr.args.map((arg) => this.#printTyped(arg)).join(', ')})`;
      default:
        return printExpr(expr);
    }
  }
}

function collectCalls(expr: Expr, keys: Set<string>): void {
  switch (expr.kind) {
    case 'call':
      if (isMathFunction(expr.name)) for (const arg of expr.args) collectCalls(arg, keys);
      else keys.add(printExpr(flattenCall(expr)));
      break;
    case 'binary':
      collectCalls(expr.left, keys);
      collectCalls(expr.right, keys);
      break;
    case 'paren':
      collectCalls(expr.expr, keys);
      break;
    default:
      break;
  }
}

/** Arguments after the first, but for names. */
function constantsOf(fn: string, args: readonly Expr[]): Pick<CallPlan, 'args' | 'mode'> {
  const texts = args.filter((arg) => arg.kind === 'string');
  const others = args.filter((arg) => arg.kind !== 'string' && arg.kind !== 'var-ref');
  return { args: others.map((arg) => constantOf(fn, arg)), mode: texts[0]?.value };
}

function constantOf(fn: string, arg: Expr): number {
  switch (arg.kind) {
    case 'number':
      return arg.value;
    case 'integer':
      return Number(arg.value);
    case 'duration':
      return Number(arg.ns);
    default:
      throw invalid(`expected float argument in ${fn}()`);
  }
}

type OperandType = FieldType | 'tag';

interface Operands {
  readonly left: OperandType | undefined;
  readonly right: OperandType | undefined;
}

/** @throws CitadelError `invalid-argument`: `type error: ...`. */
function resultType(
  op: ArithmeticOp,
  { left, right }: Operands,
  hasConstant: boolean,
  print: () => string,
): FieldType | undefined {
  if (left === undefined || right === undefined) return undefined;
  const isBitwise = op === '&' || op === '|' || op === '^';
  const incompatible = () =>
    invalid(`type error: ${print()}: incompatible types: ${left} and ${right}`);
  if (isTextual(left) || isTextual(right)) throw incompatible();
  if (left === 'boolean' || right === 'boolean') {
    if (left !== right || !isBitwise) throw incompatible();
    return 'boolean';
  }
  if (left === 'float' || right === 'float') {
    if (isBitwise) throw incompatible();
    return 'float';
  }
  if (left !== right && !hasConstant) {
    throw invalid(
      `type error: ${print()}: cannot use ${op} between an integer and unsigned, an explicit cast is required`,
    );
  }
  if (op === '/') return 'float';
  return left === 'unsigned' || right === 'unsigned' ? 'unsigned' : 'integer';
}

function isTextual(type: OperandType): type is 'string' | 'tag' {
  return type === 'string' || type === 'tag';
}

/** Whether some expression applies an operator to a name: then its type must be known. */
export function usesOperators(exprs: readonly Expr[]): boolean {
  return exprs.some((expr) =>
    someExpr(expr, (node) => node.kind === 'binary' && hasName(node.left, node.right)),
  );
}

function hasName(...exprs: readonly Expr[]): boolean {
  return exprs.some((expr) => someExpr(expr, (node) => node.kind === 'var-ref'));
}
