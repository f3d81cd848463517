/** What a client may ask of the form of an answer; common to all formats. */

export type EpochUnit = 'ns' | 'u' | 'ms' | 's' | 'm' | 'h';

export interface FormatOptions {
  /** Undefined = RFC 3339 text (CSV: ns). */
  readonly epoch: EpochUnit | undefined;
  readonly pretty: boolean;
  readonly chunked: boolean;
  /** Rows of one series per document when chunked. */
  readonly chunkSize: number;
  /** 0 = unlimited; not applied when chunked. Rows over the whole answer. */
  readonly maxRowLimit: number;
}

/** The `epoch` parameter: any other non-empty value means nanoseconds, as in InfluxDB. */
export function parseEpoch(value: string | undefined): EpochUnit | undefined {
  switch (value) {
    case undefined:
    case '':
      return undefined;
    case 'u':
    case 'ms':
    case 's':
    case 'm':
    case 'h':
      return value;
    default:
      return 'ns';
  }
}
