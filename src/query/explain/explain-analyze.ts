/** EXPLAIN ANALYZE: runs the query, throws its rows away, and shows where the time went as a tree. */

import type { SelectStatement } from '../../influxql/ast.ts';
import { compileSelect } from '../../influxql/compile.ts';
import { formatGoDuration } from '../../influxql/duration.ts';
import { printStatement } from '../../influxql/print-statement.ts';
import { quoteIdent } from '../../influxql/quote.ts';
import type { ScanBlock, ShardPlan } from '../../model/plan.ts';
import { planSelect } from '../compile/plan-select.ts';
import type { QueryPorts } from '../ports.ts';
import type { QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { runPlan } from '../select/run-select.ts';
import { cellPiece } from '../show/show-pieces.ts';

/** ms of a clock that only goes forward. */
export type ReadClock = () => number;

/** What one question to the shards brought. */
class ScanTrace {
  readonly plan: ShardPlan;
  readonly streamCount: number;
  blockCount = 0;
  rowCount = 0;
  /** Waiting for blocks, all streams together, ms. */
  waitMs = 0;

  constructor(plan: ShardPlan, streamCount: number) {
    this.plan = plan;
    this.streamCount = streamCount;
  }

  add(block: ScanBlock): void {
    this.blockCount++;
    this.rowCount += block.kind === 'raw' ? block.times.length : block.windows.length;
  }
}

/** A node of the tree: a text and what hangs from it. */
interface Node {
  readonly text: string;
  readonly children: readonly Node[];
}

function leaf(text: string): Node {
  return { text, children: [] };
}

function formatMs(ms: number): string {
  return formatGoDuration(BigInt(Math.max(0, Math.round(ms * 1e6))));
}

async function* traceStream(
  blocks: AsyncIterable<ScanBlock>,
  trace: ScanTrace,
  readClock: ReadClock,
): AsyncGenerator<ScanBlock> {
  let startMs = readClock();
  for await (const block of blocks) {
    trace.waitMs += readClock() - startMs;
    trace.add(block);
    yield block;
    startMs = readClock();
  }
  trace.waitMs += readClock() - startMs;
}

function tracePorts(ports: QueryPorts, traces: ScanTrace[], readClock: ReadClock): QueryPorts {
  const { schema, limits } = ports;
  return {
    schema,
    limits,
    schemaScan: (plan, signal) => ports.schemaScan(plan, signal),
    scan(plan, signal) {
      const streams = ports.scan(plan, signal);
      const trace = new ScanTrace(plan, streams.length);
      traces.push(trace);
      return streams.map((stream) => traceStream(stream, trace, readClock));
    },
  };
}

function printAsk({ output }: ShardPlan): string {
  if (output.kind === 'aggregate') {
    const calls = output.aggregates.map(
      ({ fn, field, type }) => `${fn}(${quoteIdent(field)}::${type})`,
    );
    return calls.join(', ');
  }
  return output.columns
    .map(({ name, source, type }) => `${quoteIdent(name)}::${source === 'tag' ? 'tag' : type}`)
    .join(', ');
}

function scanNode(trace: ScanTrace): Node {
  const { plan, streamCount, blockCount, rowCount, waitMs } = trace;
  const rows = plan.output.kind === 'raw' ? 'rows_read' : 'windows_read';
  return {
    text: 'create_iterator',
    children: [
      { text: 'labels', children: [leaf(`measurement: ${plan.measurement}`)] },
      leaf(`streams: ${streamCount}`),
      leaf(`blocks_read: ${blockCount}`),
      leaf(`${rows}: ${rowCount}`),
      leaf(`waiting_time: ${formatMs(waitMs)}`),
    ],
  };
}

function scannerNode(trace: ScanTrace): Node {
  const label = leaf(`expr: ${printAsk(trace.plan)}`);
  return {
    text: 'iterator_scanner',
    children: [{ text: 'labels', children: [label] }, scanNode(trace)],
  };
}

function drawChildren({ children }: Node, indent: string): string[] {
  return children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    const line = `${indent}${isLast ? '└── ' : '├── '}${child.text}`;
    return [line, ...drawChildren(child, `${indent}${isLast ? '    ' : '│   '}`)];
  });
}

export async function* explainAnalyze(
  statement: SelectStatement,
  context: QueryContext,
  readClock: ReadClock,
): AsyncGenerator<SeriesPiece> {
  const startMs = readClock();
  const traces: ScanTrace[] = [];
  const traced = { ...context, ports: tracePorts(context.ports, traces, readClock) };
  const compiled = compileSelect(statement, { nowNs: context.nowNs });
  const plan = await planSelect(compiled, traced);
  const plannedMs = readClock();
  let rowCount = 0;
  for await (const piece of runPlan(plan, traced)) rowCount += piece.rowCount;
  const endMs = readClock();
  const text = leaf(`statement: ${printStatement(statement)}`);
  const select: Node = {
    text: 'select',
    children: [
      leaf(`execution_time: ${formatMs(endMs - plannedMs)}`),
      leaf(`planning_time: ${formatMs(plannedMs - startMs)}`),
      leaf(`total_time: ${formatMs(endMs - startMs)}`),
      leaf(`rows: ${rowCount}`),
      {
        text: 'build_cursor',
        children: [{ text: 'labels', children: [text] }, ...traces.map(scannerNode)],
      },
    ],
  };
  const lines = ['.', ...drawChildren({ text: '', children: [select] }, '')];
  yield cellPiece('', ['EXPLAIN ANALYZE'], [lines]);
}
