/**
 * The finishing half's expressions: what is computed per row from the columns of a frame. Made by the
 * compiler, which has resolved every name to a column and settled every type.
 */

import type { FieldType } from '../../model/field-type.ts';

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^';

export type ValueExpr =
  | { readonly kind: 'column'; readonly index: number; readonly type: FieldType | undefined }
  | {
      readonly kind: 'constant';
      readonly type: FieldType;
      readonly value: number | bigint | string | boolean;
    }
  | {
      readonly kind: 'binary';
      readonly op: ArithmeticOp;
      readonly left: ValueExpr;
      readonly right: ValueExpr;
      readonly type: FieldType | undefined;
    }
  | {
      readonly kind: 'math';
      readonly name: string;
      readonly args: readonly ValueExpr[];
      readonly type: FieldType | undefined;
    }
  | { readonly kind: 'cast'; readonly expr: ValueExpr; readonly type: FieldType };
