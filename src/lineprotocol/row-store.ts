/**
 * Rows and cells of one batch in flat arrays that grow by doubling and are used again by the next one.
 *
 * A row is begun, gets its cells, and is ended or taken back. Arrays that a rare large batch blew up are
 * freed after a run of small ones.
 */

const rowsFirst = 1_024;
const cellsFirst = 8_192;
const textFirst = 16_384;
const quote = 0x22;
const backslash = 0x5c;
/** Strings below this are copied byte by byte, which is cheaper than a call. */
const shortTextMax = 48;
/** Batches in a row that use less than a quarter of the arrays before these are freed. */
const idleBatchesMax = 64;

function grownCopy(old: Uint32Array, capacity: number): Uint32Array {
  const grown = new Uint32Array(capacity);
  grown.set(old);
  return grown;
}

export class RowStore {
  rowCount = 0;
  cellCount = 0;
  textSize = 0;
  rowSeries: Uint32Array = new Uint32Array(0);
  rowTimes: BigInt64Array = new BigInt64Array(0);
  /** The words of `rowTimes`, low first. */
  timeWords: Uint32Array = new Uint32Array(0);
  cellStart: Uint32Array = new Uint32Array(1);
  cellField: Uint32Array = new Uint32Array(0);
  cellFloats: Float64Array = new Float64Array(0);
  cellWords: Uint32Array = new Uint32Array(0);
  text: Uint8Array = new Uint8Array(0);
  private idleBatches = 0;

  constructor() {
    this.allocate();
  }

  private allocate(): void {
    this.rowSeries = new Uint32Array(rowsFirst);
    this.rowTimes = new BigInt64Array(rowsFirst);
    this.timeWords = new Uint32Array(this.rowTimes.buffer);
    this.cellStart = new Uint32Array(rowsFirst + 1);
    this.cellField = new Uint32Array(cellsFirst);
    this.cellFloats = new Float64Array(cellsFirst);
    this.cellWords = new Uint32Array(this.cellFloats.buffer);
    this.text = new Uint8Array(textFirst);
  }

  /** Forgets the last batch. */
  reset(): void {
    const isSmall =
      this.rowCount * 4 < this.rowSeries.length &&
      this.cellCount * 4 < this.cellField.length &&
      this.textSize * 4 <= this.text.length;
    const isLarge = this.cellField.length > cellsFirst * 8 || this.text.length > textFirst * 64;
    this.idleBatches = isSmall && isLarge ? this.idleBatches + 1 : 0;
    if (this.idleBatches >= idleBatchesMax) {
      this.allocate();
      this.idleBatches = 0;
    }
    this.rowCount = 0;
    this.cellCount = 0;
    this.textSize = 0;
    this.cellStart[0] = 0;
  }

  /** Ends the row whose cells are those added since the last one. */
  endRow(series: number, timeLow: number, timeHigh: number): void {
    const row = this.rowCount;
    if (row === this.rowSeries.length) this.growRows();
    this.rowSeries[row] = series;
    this.timeWords[2 * row] = timeLow;
    this.timeWords[2 * row + 1] = timeHigh;
    this.cellStart[row + 1] = this.cellCount;
    this.rowCount = row + 1;
  }

  /** Takes back the cells of a row that was not ended; their text stays unused. */
  dropCells(): void {
    this.cellCount = this.cellStart[this.rowCount]!;
  }

  /** Makes room for so many more cells. */
  reserveCells(count: number): void {
    while (this.cellCount + count > this.cellField.length) this.growCells();
  }

  addWords(field: number, low: number, high: number): void {
    const cell = this.cellCount;
    if (cell === this.cellField.length) this.growCells();
    this.cellField[cell] = field;
    this.cellWords[2 * cell] = low;
    this.cellWords[2 * cell + 1] = high;
    this.cellCount = cell + 1;
  }

  addFloat(field: number, value: number): void {
    const cell = this.cellCount;
    if (cell === this.cellField.length) this.growCells();
    this.cellField[cell] = field;
    this.cellFloats[cell] = value;
    this.cellCount = cell + 1;
  }

  /** Text of a string value without backslashes. */
  appendText(source: Uint8Array, from: number, until: number): void {
    this.reserveText(until - from);
    const { text } = this;
    let to = this.textSize;
    if (until - from >= shortTextMax) text.set(source.subarray(from, until), to);
    else for (let i = from; i < until; i++) text[to++] = source[i]!;
    this.textSize += until - from;
  }

  /** Text of a string value: a backslash goes when a quote or a backslash follows it. */
  appendEscaped(source: Uint8Array, from: number, until: number): void {
    this.reserveText(until - from);
    const { text } = this;
    let to = this.textSize;
    for (let i = from; i < until; i++) {
      const next = i + 1 < until ? source[i + 1] : 0;
      if (source[i] === backslash && (next === quote || next === backslash)) i++;
      text[to++] = source[i]!;
    }
    this.textSize = to;
  }

  private reserveText(size: number): void {
    const needed = this.textSize + size;
    if (needed <= this.text.length) return;
    const grown = new Uint8Array(Math.max(needed, this.text.length * 2));
    grown.set(this.text.subarray(0, this.textSize));
    this.text = grown;
  }

  private growRows(): void {
    const capacity = this.rowSeries.length * 2;
    const times = new BigInt64Array(capacity);
    times.set(this.rowTimes);
    this.rowSeries = grownCopy(this.rowSeries, capacity);
    this.rowTimes = times;
    this.timeWords = new Uint32Array(times.buffer);
    this.cellStart = grownCopy(this.cellStart, capacity + 1);
  }

  private growCells(): void {
    const capacity = this.cellField.length * 2;
    const words = grownCopy(this.cellWords, capacity * 2);
    this.cellField = grownCopy(this.cellField, capacity);
    this.cellWords = words;
    this.cellFloats = new Float64Array(words.buffer);
  }
}
