/**
 * A write whose answer may echo control characters in a header: InfluxDB copies the bad line into
 * `X-Influxdb-Error`, and Node's strict parser refuses such an answer.
 */

import { request } from 'node:http';

export interface WriteAnswer {
  readonly status: number;
  readonly body: string;
}

export function rawWrite(url: string, body: Uint8Array): Promise<WriteAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: 'POST', insecureHTTPParser: true, headers: { 'Content-Length': body.length } },
      (incoming) => {
        const parts: Buffer[] = [];
        incoming.on('data', (part: Buffer) => parts.push(part));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            body: Buffer.concat(parts).toString('utf8'),
          }),
        );
      },
    );
    outgoing.setTimeout(30_000, () => outgoing.destroy(new Error(`no answer from ${url}`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
