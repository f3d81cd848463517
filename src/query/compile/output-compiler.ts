/** The field list: collects calls and variables, and builds the expression of every column. */

import type { BinaryExpr, Call, Expr, VarRef } from '../../influxql/ast.ts';
import { isMathFunction } from '../../influxql/math-functions.ts';
import { printExpr } from '../../influxql/print-expr.ts';
import type { FieldType } from '../../model/field-type.ts';
import type { ArithmeticOp, ValueExpr } from '../eval/value-expr.ts';
import { invalid, unsupported } from '../query-context.ts';
import { checkArgumentType, functionRule } from './functions.ts';
import type { CallPlan } from './select-plan.ts';
import type { Table } from './tables.ts';
import { resolveVariable, type Variable } from './variables.ts';

const arithmetic: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '&', '|', '^']);

/** Names calls that the parser nests: `count(distinct(x))`. */
function flattenCall(call: Call): Call {
  const [first] = call.args;
  if (call.name === 'count' && first?.kind === 'call' && first.name === 'distinct') {
    return { kind: 'call', name: 'count-distinct', args: first.args };
  }
  return call;
}

export class OutputCompiler {
  readonly calls: CallPlan[] = [];
  readonly variables: Variable[] = [];
  readonly #tables: readonly Table[];
  readonly #callCount: number;
  readonly #callIndex = new Map<string, number>();
  readonly #variableIndex = new Map<string, number>();

  constructor(tables: readonly Table[], exprs: readonly Expr[]) {
    this.#tables = tables;
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
    const key = printExpr(ref);
    let index = this.#variableIndex.get(key);
    if (index === undefined) {
      index = this.variables.push(resolveVariable(ref, this.#tables)) - 1;
      this.#variableIndex.set(key, index);
    }
    const { type } = this.variables[index]!;
    return { kind: 'column', index: this.#callCount + index, type };
  }

  #compileCall(call: Call): ValueExpr {
    if (isMathFunction(call.name)) throw unsupported(`${call.name}()`);
    const key = printExpr(call);
    let index = this.#callIndex.get(key);
    if (index === undefined) {
      index = this.calls.push(this.#planCall(call)) - 1;
      this.#callIndex.set(key, index);
    }
    return { kind: 'column', index, type: this.calls[index]!.type };
  }

  #planCall(call: Call): CallPlan {
    const rule = functionRule(call.name);
    if (rule === undefined) throw unsupported(`${call.name}()`);
    const [first, ...rest] = call.args;
    if (first?.kind !== 'var-ref') {
      if (first?.kind === 'call') throw unsupported(`${call.name}() of ${first.name}()`);
      throw invalid(`expected field argument in ${call.name}()`);
    }
    const variable = resolveVariable(first, this.#tables);
    const isField = variable.source === 'field' && variable.type !== undefined;
    if (isField) checkArgumentType(call.name, variable.type);
    const answers = rule.answers === 'same' ? variable.type : rule.answers;
    return {
      fn: call.name,
      variable,
      args: rest.map((arg) => constantOf(call.name, arg)),
      type: isField ? answers : undefined,
    };
  }

  #compileBinary(expr: BinaryExpr): ValueExpr {
    if (!arithmetic.has(expr.op)) throw unsupported(`operator ${expr.op} in the field list`);
    const op = expr.op as ArithmeticOp;
    const left = this.compile(expr.left);
    const right = this.compile(expr.right);
    const type = resultType(op, left, right, () => printTyped(expr, this.#tables));
    return { kind: 'binary', op, left, right, type };
  }
}

function collectCalls(expr: Expr, keys: Set<string>): void {
  switch (expr.kind) {
    case 'call':
      keys.add(printExpr(flattenCall(expr)));
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

function constantOf(fn: string, arg: Expr): number {
  switch (arg.kind) {
    case 'number':
      return arg.value;
    case 'integer':
      return Number(arg.value);
    default:
      throw invalid(`expected float argument in ${fn}()`);
  }
}

/** The expression with the types of its names, as messages show it. */
function printTyped(expr: Expr, tables: readonly Table[]): string {
  switch (expr.kind) {
    case 'var-ref': {
      const { source, type } = resolveVariable(expr, tables);
      return printExpr({ ...expr, cast: source === 'field' ? type : expr.cast });
    }
    case 'binary':
      return `${printTyped(expr.left, tables)} ${expr.op} ${printTyped(expr.right, tables)}`;
    case 'paren':
      return `(${printTyped(expr.expr, tables)})`;
    case 'call':
      return `${expr.name}(${expr.args.map((arg) => printTyped(arg, tables)).join(', ')})`;
    default:
      return printExpr(expr);
  }
}

/** @throws CitadelError `invalid-argument`: `type error: ...`. */
function resultType(
  op: ArithmeticOp,
  left: ValueExpr,
  right: ValueExpr,
  print: () => string,
): FieldType | undefined {
  const a = left.type;
  const b = right.type;
  if (a === undefined || b === undefined) return undefined;
  const isBitwise = op === '&' || op === '|' || op === '^';
  const incompatible = () => invalid(`type error: ${print()}: incompatible types: ${a} and ${b}`);
  if (a === 'string' || b === 'string') throw incompatible();
  if (a === 'boolean' || b === 'boolean') {
    if (a !== b || !isBitwise) throw incompatible();
    return 'boolean';
  }
  if (a === 'float' || b === 'float') {
    if (isBitwise) throw incompatible();
    return 'float';
  }
  if (a !== b && left.kind !== 'constant' && right.kind !== 'constant') {
    throw invalid(
      `type error: ${print()}: cannot use ${op} between an integer and unsigned, an explicit cast is required`,
    );
  }
  if (op === '/') return 'float';
  return a === 'unsigned' || b === 'unsigned' ? 'unsigned' : 'integer';
}
