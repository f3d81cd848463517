/**
 * Goal: who may do what, and what the others are told, is as a real InfluxDB 1.6.7 with `auth-enabled` has it.
 * Method: both servers get the same users, and then the same requests of each of them; status and refusal are
 * compared. What differs on purpose stands in docs/accepted-differences.md and is asked for by its own test.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type LoginParts,
  loginWays,
  noLogin,
  people,
  peopleStatements,
  signToken,
  testSecret,
} from '../support/access-people.ts';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';
import { startSecured } from '../support/secured-citadel.ts';
import { statementExamples } from '../support/statement-examples.ts';

type Server = CitadelProcess | InfluxdProcess;

const exp = 9_999_999_999;

function header(authorization: string): LoginParts {
  return { params: {}, headers: { authorization } };
}

function bearer(claims: object, secret = testSecret): LoginParts {
  return header(`Bearer ${signToken(claims, secret)}`);
}

async function send(
  server: Server,
  path: string,
  params: Readonly<Record<string, string>>,
  { params: loginParams, headers }: LoginParts,
  body = '',
) {
  const answer = await server.request(
    path,
    { ...params, ...loginParams },
    { method: 'POST', headers, body },
  );
  return {
    status: answer.status,
    // What is let through may answer otherwise; that is not what is asked here.
    refusal: answer.status < 300 ? '' : answer.text(),
    header: answer.headers['x-influxdb-error'],
    challenge: answer.headers['www-authenticate'],
  };
}

describe.skipIf(!influxdInstalled)('rights as InfluxDB 1.6.7 has them', () => {
  let citadel: CitadelProcess;
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    const env = { INFLUXDB_HTTP_AUTH_ENABLED: 'true', INFLUXDB_HTTP_SHARED_SECRET: testSecret };
    [citadel, influxd] = await Promise.all([startSecured(), startInfluxd([], '', env)]);
  });

  afterAll(async () => {
    await Promise.all([citadel?.cleanUp(), influxd?.stop()]);
  });

  async function askBoth(
    path: string,
    params: Readonly<Record<string, string>>,
    login: LoginParts,
    body?: string,
  ) {
    const [ours, theirs] = await Promise.all([
      send(citadel, path, params, login, body),
      send(influxd, path, params, login, body),
    ]);
    return { ours, theirs };
  }

  test('before there is an administrator', async () => {
    for (const q of [
      'SHOW DATABASES',
      "CREATE USER a WITH PASSWORD 'x'",
      "SHOW USERS; CREATE USER a WITH PASSWORD 'x' WITH ALL PRIVILEGES",
    ]) {
      const { ours, theirs } = await askBoth('/query', { q }, noLogin);
      expect(ours, q).toEqual(theirs);
    }
    const { ours, theirs } = await askBoth('/write', { db: 'nowhere' }, noLogin, 'm v=1');
    expect(ours).toEqual(theirs);
    for (const [i, q] of peopleStatements.entries()) {
      const made = await askBoth('/query', { q }, i === 0 ? noLogin : loginWays.url!('admin'));
      expect([made.ours.status, made.theirs.status], q).toEqual([200, 200]);
    }
  });

  // Without FROM nothing is asked for over there: whoever logs in may count the keys of any database.
  const laxKinds = new Set([
    'show-tag-key-cardinality',
    'show-field-key-cardinality',
    'show-tag-values-cardinality',
  ]);

  test('every kind of statement, user and database', async () => {
    for (const [kind, { text }] of Object.entries(statementExamples)) {
      for (const db of ['mine', 'other', 'nowhere']) {
        for (const { name } of people) {
          const login = name === '' ? noLogin : loginWays.url!(name);
          const { ours, theirs } = await askBoth('/query', { q: text(db), db }, login);
          const cell = `${kind} on ${db} by ${name}`;
          if (laxKinds.has(kind) && ours.status === 403) {
            expect(ours.refusal, cell).toContain(`requires READ on ${db}`);
            expect(theirs.status, cell).toBe(200);
          } else {
            expect(ours, cell).toEqual(theirs);
          }
        }
      }
    }
  });

  test('statements about several databases, and without one', async () => {
    for (const q of [
      'SELECT v FROM m',
      'SELECT v FROM m, other..m',
      'SELECT v FROM other.autogen./.*/',
      'SELECT max(v) FROM (SELECT v FROM other..m)',
      'SELECT max(v) FROM (SELECT max(v) FROM (SELECT v FROM m), (SELECT v FROM other..m))',
      'EXPLAIN SELECT v FROM other..m',
      'SELECT v INTO t FROM m',
      'SELECT v INTO other..t FROM m',
      'SELECT v INTO other..:MEASUREMENT FROM m',
      'SELECT max(v) INTO mine..t FROM (SELECT v FROM m)',
      'SHOW SERIES',
      'SHOW MEASUREMENTS ON other',
      'SHOW TAG VALUES ON other FROM m WITH KEY = a',
      'SHOW DATABASES; SELECT v FROM other..m',
      'SHOW DATABASES; SHOW DATABASES',
      "DELETE FROM m WHERE a = 'b'",
      "DROP SERIES WHERE a = 'b'",
      'CREATE CONTINUOUS QUERY c ON other BEGIN SELECT mean(v) INTO mine..t FROM mine..m GROUP BY time(1h) END',
      'CREATE CONTINUOUS QUERY c ON mine BEGIN SELECT mean(v) INTO other..t FROM mine..m GROUP BY time(1h) END',
      'SELECT v FROM "we ird".."m"',
    ]) {
      for (const db of ['mine', 'other', '']) {
        for (const { name } of people.slice(1)) {
          const params = db === '' ? { q } : { q, db };
          const { ours, theirs } = await askBoth('/query', params, loginWays.url!(name));
          expect(ours, `${q} with ${db} by ${name}`).toEqual(theirs);
        }
      }
    }
  });

  test('where more is asked for than over there', async () => {
    const cq = (db: string, into: string, from: string) =>
      `CREATE CONTINUOUS QUERY c ON ${db} BEGIN SELECT mean(v) INTO ${into} FROM ${from} GROUP BY time(1h) END`;
    for (const [q, missing] of [
      ['SHOW SERIES ON mine FROM other..m', 'READ on other'],
      ['SHOW TAG VALUES FROM other..m WITH KEY = a', 'READ on other'],
      [cq('mine', 't', 'm'), 'WRITE on mine'],
      [cq('mine', 't', 'other..m'), 'READ on other'],
    ] as const) {
      const params = { q, db: 'mine' };
      const { ours, theirs } = await askBoth('/query', params, loginWays.url!('reader'));
      expect(ours.status, q).toBe(403);
      expect(ours.refusal, q).toContain(`requires ${missing}"`);
      expect(theirs.status, q).toBe(200);
    }
    const early = bearer({ username: 'owner', exp, iat: exp });
    const { ours, theirs } = await askBoth('/query', { q: 'SHOW DATABASES' }, early);
    expect([ours.status, theirs.status]).toEqual([200, 401]);
  });

  test('continuous queries of databases that one may not read', async () => {
    const q =
      'CREATE CONTINUOUS QUERY secret ON other BEGIN SELECT mean(v) INTO t FROM m GROUP BY time(1h) END';
    await askBoth('/query', { q, db: 'other' }, loginWays.url!('admin'));
    const shown = [citadel, influxd].map(async (server) => {
      const { params, headers } = loginWays.url!('reader');
      const asked = { q: 'SHOW CONTINUOUS QUERIES', db: 'mine', ...params };
      return (await server.request('/query', asked, { headers })).text();
    });
    const [ours, theirs] = await Promise.all(shown);
    expect(ours).not.toContain('secret');
    expect(theirs).toContain('secret');
  });

  test('what one may see of the list of databases', async () => {
    for (const { name } of people.slice(1)) {
      const shown = [citadel, influxd].map(async (server) => {
        const { params, headers } = loginWays.url!(name);
        return (
          await server.request('/query', { q: 'SHOW DATABASES', ...params }, { headers })
        ).text();
      });
      const [ours, theirs] = await Promise.all(shown);
      expect(ours).toBe(theirs);
    }
  });

  test('logins, good and bad', async () => {
    const [ownerUrl, ownerBasic, ownerBearer] = ['url', 'basic', 'bearer'].map((way) =>
      loginWays[way]!('owner'),
    );
    const url = (u: string, p: string): LoginParts => ({ params: { u, p }, headers: {} });
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    const claims = Buffer.from(JSON.stringify({ username: 'admin', exp })).toString('base64url');
    for (const [about, login] of Object.entries({
      ownerUrl,
      ownerBasic,
      ownerBearer,
      nothing: noLogin,
      'a wrong password': url('owner', 'wrong'),
      'an unknown user': url('nobody', 'wrong'),
      'a name alone': url('owner', ''),
      'a password alone': url('', 'x'),
      'a good URL and a bad header': { ...ownerUrl!, headers: { authorization: 'Basic !' } },
      'a bad URL and a good header': { params: { u: 'x', p: 'y' }, headers: ownerBasic!.headers },
      'a name in the URL and a good header': { params: { u: 'x' }, headers: ownerBasic!.headers },
      'no base64': header('Basic !!!'),
      'no colon': header(`Basic ${Buffer.from('owner').toString('base64')}`),
      'an empty name': header(`Basic ${Buffer.from(':x').toString('base64')}`),
      'another scheme': header('Digest username="owner"'),
      'an empty header': header(''),
      'Bearer alone': header('Bearer'),
      'a scheme in lower case': header(ownerBearer!.headers.authorization!.toLowerCase()),
      'two segments': header('Bearer a.b'),
      'another secret': bearer({ username: 'owner', exp }, 'another one'),
      'an empty secret': bearer({ username: 'admin', exp }, ''),
      'no signature': header(`Bearer ${none}.${claims}.`),
      'no expiry': bearer({ username: 'owner' }),
      'a text as expiry': bearer({ username: 'owner', exp: String(exp) }),
      'an expiry of 0': bearer({ username: 'owner', exp: 0 }),
      'an expiry in the past': bearer({ username: 'owner', exp: 1_000_000_000 }),
      'expired and forged': bearer({ username: 'owner', exp: 1 }, 'another one'),
      'not yet valid': bearer({ username: 'owner', exp, nbf: exp }),
      'a number as name': bearer({ username: 7, exp }),
      'no name': bearer({ exp }),
      'an empty name in a token': bearer({ username: '', exp }),
      'a user in a token who is not there': bearer({ username: 'nobody', exp }),
    })) {
      const { ours, theirs } = await askBoth('/query', { q: 'SHOW DATABASES' }, login!);
      expect(ours, about).toEqual(theirs);
    }
  });

  test('writes', async () => {
    for (const db of ['mine', 'other', 'nowhere', '']) {
      for (const { name } of people) {
        const login = name === '' ? noLogin : loginWays.basic!(name);
        const params = db === '' ? {} : { db };
        const { ours, theirs } = await askBoth('/write', params, login, 'm v=1 1');
        expect(ours, `into ${db} by ${name}`).toEqual(theirs);
      }
    }
  });

  test('the ways in that are open', async () => {
    for (const path of ['/ping', '/status', '/metrics', '/debug/vars']) {
      const answers = [citadel, influxd].map(async (server) => (await server.request(path)).status);
      const [ours, theirs] = await Promise.all(answers);
      expect(ours, path).toBe(theirs);
    }
  });
});
