/**
 * Whether a history of one register is linearizable: each operation can be given a moment between its start and its end so
 * that every read returns what was written last. The search of Wing and Gong, with Lowe's memory of what was tried.
 *
 * An operation that was never answered may have its moment at any time after its start, or none.
 */

export interface Operation {
  readonly kind: 'read' | 'write';
  /** undefined = the register is empty: read so, or emptied. No two writes have the same value, unless it is undefined. */
  readonly value: string | undefined;
  /** Any clock that all operations share. */
  readonly start: number;
  /** Infinity = never answered; only of writes. */
  readonly end: number;
}

/** A start or an end, in a list in order of time. */
interface Mark {
  readonly number: number;
  readonly operation: Operation;
  readonly isStart: boolean;
  before: Mark | undefined;
  after: Mark | undefined;
}

interface Taken {
  readonly start: Mark;
  readonly value: string | undefined;
}

/** Unanswered writes that nobody read might as well not have been: fewer ways to try. */
function relevant(history: readonly Operation[]): readonly Operation[] {
  const read = new Set(history.filter(({ kind }) => kind === 'read').map(({ value }) => value));
  return history.filter(({ kind, value, end }) => {
    return kind === 'read' || end !== Number.POSITIVE_INFINITY || read.has(value);
  });
}

/** Starts before ends of the same time: such operations overlap. */
function marksOf(history: readonly Operation[]): {
  head: Mark;
  starts: Mark[];
  ends: (Mark | undefined)[];
} {
  const starts = history.map((operation, number): Mark => {
    return { number, operation, isStart: true, before: undefined, after: undefined };
  });
  const ends = history.map((operation, number): Mark | undefined => {
    if (operation.end === Number.POSITIVE_INFINITY) return undefined;
    return { number, operation, isStart: false, before: undefined, after: undefined };
  });
  const timeOf = ({ isStart, operation }: Mark) => (isStart ? operation.start : operation.end);
  const all = [...starts, ...ends.filter((mark) => mark !== undefined)];
  all.sort((a, b) => timeOf(a) - timeOf(b) || Number(b.isStart) - Number(a.isStart));
  const head: Mark = { ...all[0]!, before: undefined, after: undefined };
  let last = head;
  for (const mark of all) {
    last.after = mark;
    mark.before = last;
    last = mark;
  }
  return { head, starts, ends };
}

function remove(mark: Mark | undefined): void {
  if (mark === undefined) return;
  mark.before!.after = mark.after;
  if (mark.after !== undefined) mark.after.before = mark.before;
}

function putBack(mark: Mark | undefined): void {
  if (mark === undefined) return;
  mark.before!.after = mark;
  if (mark.after !== undefined) mark.after.before = mark;
}

function show({ kind, value, start, end }: Operation): string {
  return `${kind} ${value ?? '(empty)'} [${start.toFixed(1)}, ${end.toFixed(1)}]`;
}

/** Undefined = linearizable; else what could not be explained. `initial`: what the register held at first. */
export function findViolation(
  history: readonly Operation[],
  initial: string | undefined = undefined,
): string | undefined {
  const operations = relevant(history);
  if (operations.length === 0) return undefined;
  const { head, ends } = marksOf(operations);
  const tried = new Set<string>();
  const done = new Uint8Array(operations.length);
  const taken: Taken[] = [];
  let value = initial;
  let deepest = 0;
  let stuckAt = operations[0]!;
  let mark = head.after;
  while (mark !== undefined) {
    const { operation, number } = mark;
    if (mark.isStart) {
      const next = operation.kind === 'write' ? operation.value : value;
      const fits = operation.kind === 'write' || operation.value === value;
      if (fits) done[number] = 1;
      const key = fits ? `${Buffer.from(done).toString('latin1')}${next ?? '\0'}` : '';
      if (fits && !tried.has(key)) {
        tried.add(key);
        taken.push({ start: mark, value });
        value = next;
        remove(ends[number]);
        remove(mark);
        mark = head.after;
        continue;
      }
      if (fits) done[number] = 0;
      mark = mark.after;
      continue;
    }
    // An operation ended before it could have its moment: the last one that was taken was the wrong one.
    if (taken.length >= deepest) {
      deepest = taken.length;
      stuckAt = operation;
    }
    const undone = taken.pop();
    if (undone === undefined) {
      const context = operations.filter(
        (one) =>
          one.start <= stuckAt.end && one.end >= stuckAt.start - (stuckAt.end - stuckAt.start),
      );
      return `no order explains ${show(stuckAt)}; about then:\n${context.map(show).join('\n')}`;
    }
    done[undone.start.number] = 0;
    value = undone.value;
    putBack(undone.start);
    putBack(ends[undone.start.number]);
    mark = undone.start.after;
  }
  return undefined;
}
