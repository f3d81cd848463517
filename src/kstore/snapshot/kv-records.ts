/** Records of a snapshot of keys, beside those of every snapshot. Layout: docs/formats/kstore.md. */

/** Never given again, by tstore neither. A reader refuses kinds that it does not know. */
export const kvRecordKind = { start: 1, end: 7, table: 8, rows: 9 } as const;
export const kvKindLimit = 10;
/** A record of rows is closed at it: it may be larger by one row. */
export const rowsRecordSizeAim = 256 * 1024;
