/**
 * UDP and Graphite against a real InfluxDB 1.6.7: both get the same datagrams and the same stream, then what they
 * hold is compared.
 *
 * Each input ends with a mark, so that one knows when it has been taken in. A datagram may be lost on its
 * way even here: inputs are sent again until the mark is there, which changes nothing of what they hold.
 */

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { findFreePort } from '../support/free-port.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';
import { exportCells } from './exported-cells.ts';

interface GraphiteCases {
  readonly templates: readonly string[];
  readonly tags: readonly string[];
  readonly separator: string;
  readonly lines: readonly string[];
}

interface Cases {
  readonly udp: readonly string[];
  readonly graphite: GraphiteCases;
}

type Server = Pick<CitadelProcess, 'request'>;

const file = new URL('./cases/listeners.json', import.meta.url);
const { udp, graphite } = JSON.parse(readFileSync(file, 'utf8')) as Cases;
const patienceMs = 25_000;
const mark = 'the_end';

async function sendDatagrams(port: number, datagrams: readonly string[]): Promise<void> {
  const socket = createSocket('udp4');
  for (const datagram of datagrams) {
    await new Promise((resolve) => socket.send(datagram, port, '127.0.0.1', resolve));
  }
  socket.close();
}

function sendStream(port: number, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(text));
    socket.once('close', () => resolve()).once('error', reject);
    socket.resume();
  });
}

/** Sends until the mark is stored. */
async function feed(server: Server, db: string, send: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    await send();
    for (let look = 0; look < 40; look++) {
      const answer = await server.request('/query', { db, q: `SELECT * FROM ${mark}` });
      if (answer.text().includes('series')) return;
      await sleep(50);
    }
  }
  throw new Error(`nothing has arrived in ${db}`);
}

/** Names from few parts, so that they meet the filters. */
const part = fc.constantFrom(
  'servers',
  'web',
  'db',
  'cpu',
  'load',
  'a',
  'b',
  '*',
  'ä',
  '',
  'x y',
  'k=v',
);
const generated = fc.sample(
  fc.tuple(
    fc.array(part, { minLength: 1, maxLength: 6 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: 1_600_000_000, max: 1_600_900_000 }),
  ),
  { numRuns: 400, seed: 11 },
);
const randomLines = generated
  .filter(([parts]) => parts.join('') !== '')
  .map(([parts, value, time]) => `${parts.join('.')} ${value} ${time}`);
const graphiteLines = [...graphite.lines, ...randomLines, `${mark} 1 1`];

const protocols = ['tcp', 'udp'] as const;
type Protocol = (typeof protocols)[number];
/** Where a server listens for Graphite, by protocol; and for line protocol. */
type Ports = Readonly<Record<Protocol | 'lines', number>>;

async function findPorts(): Promise<Ports> {
  const [tcp, udp, lines] = [await findFreePort(), await findFreePort(), await findFreePort()];
  return { tcp, udp, lines };
}

function influxdSections(ports: Ports): string {
  const graphiteSections = protocols.map(
    (protocol) => `[[graphite]]
enabled = true
bind-address = "127.0.0.1:${ports[protocol]}"
protocol = "${protocol}"
database = "by_${protocol}"
retention-policy = "kept"
batch-timeout = "50ms"
separator = ${JSON.stringify(graphite.separator)}
tags = ${JSON.stringify(graphite.tags)}
templates = ${JSON.stringify(graphite.templates)}
`,
  );
  return `[[udp]]
enabled = true
bind-address = "127.0.0.1:${ports.lines}"
database = "by_lines"
precision = "ms"
batch-timeout = "50ms"
${graphiteSections.join('')}`;
}

/** It has one listener for Graphite; whichever protocol that is for, it listens for lines too. */
function citadelArgs(ports: Ports, protocol: Protocol): string[] {
  return [
    ['-udp', `127.0.0.1:${ports.lines}`],
    ['-udp-database', 'by_lines'],
    ['-udp-precision', 'ms'],
    ['-udp-batch-timeout', '50ms'],
    ['-graphite', `127.0.0.1:${ports[protocol]}`],
    ['-graphite-protocol', protocol],
    ['-graphite-database', `by_${protocol}`],
    ['-graphite-retention-policy', 'kept'],
    ['-graphite-batch-timeout', '50ms'],
    ['-graphite-separator', graphite.separator],
    ['-graphite-tags', graphite.tags.join(',')],
    ['-graphite-templates', graphite.templates.join(';')],
  ].flat();
}

describe.skipIf(!influxdInstalled)('UDP and Graphite as InfluxDB 1.6.7 takes them', () => {
  let citadels: Readonly<Record<Protocol, CitadelProcess>>;
  let influxd: InfluxdProcess;
  let ports: { readonly tcp: Ports; readonly udp: Ports; readonly influxd: Ports };

  beforeAll(async () => {
    ports = { tcp: await findPorts(), udp: await findPorts(), influxd: await findPorts() };
    const [tcp, udp, theirs] = await Promise.all([
      startCitadel({ args: citadelArgs(ports.tcp, 'tcp') }),
      startCitadel({ args: citadelArgs(ports.udp, 'udp') }),
      startInfluxd([], influxdSections(ports.influxd)),
    ]);
    citadels = { tcp, udp };
    influxd = theirs;
  });

  afterAll(async () => {
    const ours = Object.values(citadels ?? {});
    await Promise.all([...ours.map((one) => one.cleanUp()), influxd?.stop()]);
  });

  /** The parts of a batch become visible one after the other, over there and here. */
  async function exportBoth(citadel: Server, db: string): Promise<readonly [string[], string[]]> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const both = await Promise.all([exportCells(citadel, db), exportCells(influxd, db)]);
      const isEqual = both[0].join('\n') === both[1].join('\n');
      if (isEqual || performance.now() > deadline) return both;
      await sleep(100);
    }
  }

  test('line protocol in datagrams', async () => {
    const datagrams = [...udp, `${mark} v=1 1`];
    await Promise.all([
      feed(citadels.tcp, 'by_lines', () => sendDatagrams(ports.tcp.lines, datagrams)),
      feed(citadels.udp, 'by_lines', () => sendDatagrams(ports.udp.lines, datagrams)),
      feed(influxd, 'by_lines', () => sendDatagrams(ports.influxd.lines, datagrams)),
    ]);
    for (const citadel of Object.values(citadels)) {
      const [ours, theirs] = await exportBoth(citadel, 'by_lines');
      expect(ours).toEqual(theirs);
      expect(ours.length).toBeGreaterThan(10);
    }
  });

  test.each(protocols)("Graphite's plain text over %s", async (protocol) => {
    const citadel = citadels[protocol];
    const text = `${graphiteLines.join('\n')}\nno end of line 1 1`;
    const sendTo = (port: number) =>
      protocol === 'tcp'
        ? sendStream(port, text)
        : // One datagram cannot be lost in part.
          sendDatagrams(port, [`${graphiteLines.join('\n')}\ntwo.a 1 1\r\n\ntwo.b 2 2`]);
    const db = `by_${protocol}`;
    await Promise.all([
      feed(citadel, db, () => sendTo(ports[protocol][protocol])),
      feed(influxd, db, () => sendTo(ports.influxd[protocol])),
    ]);
    const [ours, theirs] = await exportBoth(citadel, db);
    expect(ours).toEqual(theirs);
    expect(ours.length).toBeGreaterThan(300);
  });
});
