/**
 * WriteFrame: points on their way, columnar, little-endian. The same bytes go from the broker over the
 * wire, into the commit log, to the other replicas and into the memtable, which reads them in place.
 * Byte table: docs/formats/frame.md. This file fixes the layout; frame-encode.ts and frame-decode.ts use it.
 *
 * ```
 * header (96 bytes)
 *   0 u32 magic 'CTWF'      4 u16 version 1 or 2   6 u16 flags (bit 0 compressed, bit 1 encrypted: both 0)
 *   8 u32 crc32 of bytes [12, size)               12 u32 size: whole frame, a multiple of 8
 *  16 u64 database id      24 u64 retention policy id (0 = all, deletes only)
 *  32 u32 namespace (0)    36 u32 shard count     40 u32 shard         44 u32 kind: 1 points, 2 delete, 3 kv (kv-frame.ts)
 *  48 u32 series count     52 u32 row count       56 u32 cell count    60 u32 column key count
 *  64 u32 offset of column keys                   68 u32 offset of series table
 *  72 i64 least time       80 i64 greatest time   88 u32 payload offset (delete)   92 u32 payload size
 * column keys: { u32 offset of name, u16 size of name, u8 type code, u8 0 }*        (a name + type occurs once;
 *        series of different measurements may share one)
 * series table: { u32 offset of key, u32 size of key, u32 offset of block, u32 row count, u32 column count, u32 0 }*
 * names and series keys (canonical, series-key.ts), then blocks, each 8-aligned
 * block: row count x i64 time, strictly ascending; then column count x
 *        { u32 column key index, u32 flags (bit 0: has validity, bits 1-2: size of an integer), u32 offset of data, u32 offset of validity }
 * data (8-aligned): float f64, integer i64, unsigned u64: 8 bytes a row; boolean 1 byte a row;
 *        string: (row count + 1) x u32 end-to-end starts, then bytes. Validity: 1 byte a row. Rows without a value hold zeros.
 * ```
 * Version 2 is version 1 with integers of 1, 2 or 4 bytes where a column's fit; a frame without such a column is of version 1.
 * All offsets count from the start of the frame. No (series, time, column) occurs twice: the encoder keeps the later row.
 */

export const frameMagic = 0x46575443;
export const frameVersion = 1;
/** With narrow integers. */
export const narrowVersion = 2;
/** Bytes of an integer, by the code in its column's flags. */
export const integerSizes: readonly number[] = [8, 1, 2, 4];
export const frameHeaderSize = 96;
/** Bytes per entry of the three tables. */
export const columnKeySize = 8;
export const seriesEntrySize = 24;
export const columnEntrySize = 16;
/** One larger key-value entry, or one larger row, alone may exceed it. */
export const frameSizeMax = 4 * 1024 * 1024;
export const frameKind = { points: 1, delete: 2, kv: 3 } as const;
