/** Ways out to servers that are none of ours. */

export interface HttpPost {
  /** `http:` or `https:`; a user in it becomes basic authentication. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** From the connection to the end of the answer. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** The first bytes of it, as text: enough for a message. */
  readonly text: string;
}

/** Of one destination. */
export interface DatagramSender {
  /** Resolves when the system has taken it. @throws CitadelError `unavailable`, `too-large` */
  send(bytes: Uint8Array): Promise<void>;
  /** Gives the system a moment to tell that nobody takes what was sent. @throws CitadelError `unavailable` */
  settle(): Promise<void>;
  close(): void;
}

export interface Network {
  /** @throws CitadelError `unavailable`: no connection, or it broke; `timeout`; `cancelled` */
  post(request: HttpPost, signal: AbortSignal): Promise<HttpAnswer>;
  /** @throws CitadelError `unavailable`: no such host */
  openDatagrams(host: string, port: number): Promise<DatagramSender>;
}
