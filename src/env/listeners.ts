/** Ways in beside HTTP and gRPC: datagrams, and streams of bytes. */

/** Where something listens; host '' = all addresses of the machine, port 0 = any free one. */
export interface ListenPlace {
  readonly host: string;
  readonly port: number;
}

export interface Listener {
  /** The real one. */
  readonly port: number;
  /** Nothing is handed over any more; open connections are cut. Idempotent. */
  close(): Promise<void>;
}

export interface DatagramOptions extends ListenPlace {
  /** What the system may hold of what has come and was not read; 0 = its own default. */
  readonly receiveBufferBytes: number;
  /** The bytes are the receiver's own. */
  readonly onDatagram: (bytes: Uint8Array) => void;
  /** Something went wrong with one datagram; others still come. */
  readonly onError: (error: Error) => void;
}

export interface Connection {
  /**
   * What comes, in parts of any size, no faster than it is taken. Ends with the connection, broken or not; whoever
   * stops taking closes it.
   */
  readonly parts: AsyncIterable<Uint8Array>;
}

export interface StreamOptions extends ListenPlace {
  /** More are closed at once. */
  readonly connectionsMax: number;
  /** A connection on which nothing came for so long is closed. */
  readonly idleMs: number;
  readonly onConnection: (connection: Connection) => void;
}

/** Ways in beside HTTP and gRPC. `unavailable`, with what is wrong with the address, when one cannot be opened. */
export interface Listeners {
  listenDatagrams(options: DatagramOptions): Promise<Listener>;
  listenStreams(options: StreamOptions): Promise<Listener>;
}
