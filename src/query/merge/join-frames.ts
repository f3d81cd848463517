/**
 * Columns that were made apart, side by side: rows of equal time are joined, each part one row at a
 * time. What a part lacks is null, or what fill() says of it.
 */

import type { Fill } from '../../influxql/ast.ts';
import type { FieldType } from '../../model/field-type.ts';
import { ColumnBuilder, readValue, type Value } from '../columns/column-builder.ts';
import { rowsOfFrame } from '../frame.ts';
import type { GroupFrame } from './merge-raw.ts';
import { type StreamHead, StreamHeads } from './stream-heads.ts';

export interface JoinPart {
  readonly frames: AsyncIterable<GroupFrame>;
  /** Where its columns go. */
  readonly targets: readonly number[];
}

export interface JoinOptions {
  readonly descending: boolean;
  readonly fill: Fill;
  /** Of every column of the result. */
  readonly types: readonly FieldType[];
}

export async function* joinFrames(
  parts: readonly JoinPart[],
  options: JoinOptions,
): AsyncGenerator<GroupFrame> {
  const streams = parts.map(({ frames }) => frames);
  const heads = new StreamHeads(streams, options.descending);
  try {
    await heads.open();
    for (let members = heads.nextGroup(); members.length > 0; members = heads.nextGroup()) {
      yield* new GroupJoin(heads, members, parts, options).run();
    }
  } finally {
    await heads.close();
  }
}

class GroupJoin {
  readonly #heads: StreamHeads<GroupFrame>;
  readonly #members: readonly StreamHead<GroupFrame>[];
  readonly #parts: readonly JoinPart[];
  readonly #options: JoinOptions;
  readonly #group: readonly string[];
  readonly #key: string;
  readonly #rowsMax: number;
  /** Per member: its next row. */
  readonly #rows: number[];
  readonly #last: (Value | undefined)[];
  #times: bigint[] = [];
  #builders: ColumnBuilder[];

  constructor(
    heads: StreamHeads<GroupFrame>,
    members: readonly StreamHead<GroupFrame>[],
    parts: readonly JoinPart[],
    options: JoinOptions,
  ) {
    this.#heads = heads;
    this.#members = members;
    this.#parts = parts;
    this.#options = options;
    this.#group = members[0]!.block!.group;
    this.#key = members[0]!.key;
    this.#rowsMax = rowsOfFrame(options.types.length);
    this.#rows = members.map(() => 0);
    this.#last = options.types.map((type) => startValue(options.fill, type));
    this.#builders = this.#makeBuilders();
  }

  async *run(): AsyncGenerator<GroupFrame> {
    for (let time = this.#nextTime(); time !== undefined; time = this.#nextTime()) {
      const row = [...this.#last];
      for (let member = 0; member < this.#members.length; member++) {
        if (this.#timeOf(member) === time) await this.#takeRow(member, row);
      }
      this.#times.push(time);
      for (const [i, value] of row.entries()) this.#builders[i]!.push(value);
      if (this.#times.length === this.#rowsMax) yield this.#flush();
    }
    if (this.#times.length > 0) yield this.#flush();
  }

  #timeOf(member: number): bigint | undefined {
    const { block, key } = this.#members[member]!;
    return key === this.#key ? block?.frame.times[this.#rows[member]!] : undefined;
  }

  #nextTime(): bigint | undefined {
    let next: bigint | undefined;
    for (let member = 0; member < this.#members.length; member++) {
      const time = this.#timeOf(member);
      if (time === undefined) continue;
      if (next === undefined || (time < next !== this.#options.descending && time !== next)) {
        next = time;
      }
    }
    return next;
  }

  async #takeRow(member: number, row: (Value | undefined)[]): Promise<void> {
    const head = this.#members[member]!;
    const { frame } = head.block!;
    const at = this.#rows[member]!;
    this.#parts[head.index]!.targets.forEach((target, column) => {
      row[target] = readValue(frame.columns[column], at);
      if (this.#options.fill.kind === 'previous') this.#last[target] = row[target];
    });
    this.#rows[member] = at + 1;
    if (at + 1 < frame.rowCount) return;
    await this.#heads.advance(head);
    this.#rows[member] = 0;
  }

  #makeBuilders(): ColumnBuilder[] {
    return this.#options.types.map((type) => new ColumnBuilder(type));
  }

  #flush(): GroupFrame {
    const times = BigInt64Array.from(this.#times);
    const columns = this.#builders.map((builder) => builder.finish());
    this.#times = [];
    this.#builders = this.#makeBuilders();
    return { group: this.#group, frame: { rowCount: times.length, times, columns } };
  }
}

/** What a column holds where its part has no row. */
function startValue(fill: Fill, type: FieldType): Value | undefined {
  if (fill.kind !== 'value' || type === 'string' || type === 'boolean') return undefined;
  return type === 'float' ? Number(fill.value) : Math.trunc(Number(fill.value));
}
