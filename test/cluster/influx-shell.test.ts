/** The real `influx` shell (Debian package influxdb-client), typed into through a terminal. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';

const isInstalled = existsSync('/usr/bin/influx') && existsSync('/usr/bin/script');

/** What the terminal shows when these lines are typed; the shell reads USE only from a terminal. */
function typeInto(port: number, lines: readonly string[]): Promise<string> {
  const command = `influx -host 127.0.0.1 -port ${port}`;
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { timeout: 30_000 });
  let shown = '';
  terminal.stdout.on('data', (part) => {
    shown += part;
  });
  terminal.stdin.end(`${lines.join('\n')}\nexit\n`);
  return new Promise((resolve) => {
    terminal.once('close', () => resolve(shown.replaceAll('\r', '')));
  });
}

describe.skipIf(!isInstalled)('the influx shell', () => {
  let citadel: CitadelProcess;

  beforeAll(async () => {
    citadel = await startCitadel();
  });

  afterAll(() => citadel?.cleanUp());

  test('connects, uses a database, inserts, selects, shows and deletes', async () => {
    const shown = await typeInto(citadel.port, [
      'CREATE DATABASE mydb',
      'USE mydb',
      'INSERT cpu,host=a value=1.5 1000000000',
      'INSERT cpu,host=b value=2,s="x y",i=3i,b=true 2000000000',
      'SELECT * FROM cpu',
      'precision rfc3339',
      "SELECT value FROM cpu WHERE host = 'a'",
      'SHOW MEASUREMENTS',
      'SHOW TAG VALUES WITH KEY = host',
      'INSERT bad',
      "DELETE FROM cpu WHERE host = 'a'",
      'SELECT count(value) FROM cpu',
      'SELECT * FROM nowhere..cpu',
      'DROP DATABASE mydb',
      'SHOW DATABASES',
    ]);
    for (const part of [
      /Connected to http:\/\/127.0.0.1:\d+ version 1\.8\.10/,
      /Using database mydb/,
      /time +b +host +i +s +value\n.*\n1000000000 +a +1\.5\n2000000000 +true +b +3 +x y +2\n/,
      /time +value\n.*\n1970-01-01T00:00:01Z +1\.5\n/,
      /name: measurements\nname\n-+\ncpu\n/,
      /key +value\n.*\nhost +a\nhost +b\n/,
      /ERR: \{"error":"unable to parse 'bad': missing fields"\}/,
      /time +count\n.*\n1970-01-01T00:00:00Z +1\n/,
      /ERR: database not found: nowhere/,
    ]) {
      expect(shown).toMatch(part);
    }
    expect(shown).not.toMatch(/name: databases\nname\n-+\nmydb/);
  });
});
