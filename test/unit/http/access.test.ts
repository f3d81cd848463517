/**
 * Goal: whoever sends a request gets what he was granted and nothing else, however he says who he is.
 * Method: the HTTP server with the real broker and catalog; every kind of user sends a statement of every kind, about
 * three databases, in four ways to log in, and each answer is what a second rule table says.
 */

import { request as httpRequest } from 'node:http';
import { fastify } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { createAccess } from '../../../src/access/access.ts';
import { createNodeEnv } from '../../../src/env/node/node-env.ts';
import { createSimPasswords } from '../../../src/env/sim/sim-passwords.ts';
import { addRouteAccess } from '../../../src/http/server/route-access.ts';
import { parseQuery } from '../../../src/influxql/influxql.ts';
import { printStatement } from '../../../src/influxql/print-statement.ts';
import {
  type LoginParts,
  loginWays,
  noLogin,
  type Person,
  passwordOf,
  people,
  peopleStatements,
  signToken,
  testSecret,
} from '../../support/access-people.ts';
import {
  type InProcessServer,
  type ServerOptions,
  startInProcessServer,
} from '../../support/in-process-server.ts';
import { type ExampleNeed, statementExamples } from '../../support/statement-examples.ts';

let server: InProcessServer;

/** Real but for passwords, which take their time on purpose. */
const { rng, ...env } = createNodeEnv({ logLevel: 'error', logFormat: 'json' });
const quick = { ...env, rng, passwords: createSimPasswords(rng) };

async function start(options: ServerOptions = {}): Promise<void> {
  const access = { isEnabled: true, sharedSecret: testSecret, ...options.access };
  server = await startInProcessServer({ ...options, access, env: quick });
}

afterEach(() => server?.stop());

const asAdmin = loginWays.url!('admin');

function post(path: string, params: Record<string, string>, login: LoginParts, body = '') {
  const options = { method: 'POST', headers: login.headers, body };
  return server.request(path, { ...params, ...login.params }, options);
}

function query(q: string, login: LoginParts = asAdmin, db = '') {
  return post('/query', { q, ...(db !== '' && { db }) }, login);
}

async function startWithPeople(options?: ServerOptions): Promise<void> {
  await start(options);
  for (const [i, q] of peopleStatements.entries()) {
    const answer = await query(q, i === 0 ? noLogin : asAdmin);
    expect(answer.text(), q).toBe('{"results":[{"statement_id":0}]}\n');
  }
}

/** What the answer to a refused statement says, by the rules of the examples. '' = it is let through. */
function refusalOf(person: Person, text: string, needs: ExampleNeed, db: string): string {
  if (person.isAdmin || needs === 'NOTHING') return '';
  const has = (right: string) => db === 'mine' && (person.rights as string[]).includes(right);
  const missing = needs === 'ADMIN' ? 'ADMIN' : needs.split(', ').find((right) => !has(right));
  if (missing === undefined) return '';
  const shown = printStatement(parseQuery(text)[0]!);
  const what = missing === 'ADMIN' ? 'admin privilege' : `${missing} on ${db}`;
  return `error authorizing query: ${person.name} not authorized to execute statement '${shown}', requires ${what}`;
}

describe('rights', () => {
  test('every kind of user, statement, database and login', async () => {
    await startWithPeople();
    const logins = people.flatMap((person) =>
      Object.entries(loginWays).map(([way, makeLogin]) => {
        return { person, way, login: person.name === '' ? noLogin : makeLogin(person.name) };
      }),
    );
    let cellCount = 0;
    const checkCells = async (kind: string, q: string, needs: ExampleNeed, db: string) => {
      const answers = await Promise.all(logins.map(({ login }) => query(q, login, db)));
      for (const [i, answer] of answers.entries()) {
        const { person, way } = logins[i]!;
        const cell = `${kind} on ${db} by ${person.name || 'nobody'} with ${way}`;
        const refusal = refusalOf(person, q, needs, db);
        if (person.name === '') expect(answer.status, cell).toBe(401);
        else if (refusal === '') expect(answer.status, cell).toBe(200);
        else expect([answer.status, answer.json()], cell).toEqual([403, { error: refusal }]);
        cellCount++;
      }
    };
    for (const [kind, { text, needs }] of Object.entries(statementExamples)) {
      for (const db of ['mine', 'other', 'nowhere']) {
        expect(parseQuery(text(db))[0]?.kind).toBe(kind);
        await checkCells(kind, text(db), needs, db);
      }
    }
    expect(cellCount).toBe(Object.keys(statementExamples).length * 3 * 6 * 4);
  });

  test('every source and the target of a statement counts', async () => {
    await startWithPeople();
    await query('GRANT WRITE ON other TO reader');
    const needsMine = [
      'SELECT v FROM m',
      'SELECT v FROM mine..m, mine.autogen./x/',
      'SELECT max(v) FROM (SELECT v FROM mine..m)',
      'SHOW SERIES FROM mine..m',
      'SELECT v INTO other..t FROM m',
      'SELECT max(v) INTO other..t FROM (SELECT v FROM m), (SELECT v FROM mine..m2)',
      'CREATE CONTINUOUS QUERY q ON mine BEGIN SELECT max(v) INTO other..t FROM m GROUP BY time(1h) END',
    ];
    const needsOther = [
      'SELECT v FROM other..m',
      'SELECT v FROM m, other..m',
      'SELECT v FROM other.autogen./.*/',
      'SELECT max(v) FROM (SELECT v FROM other..m)',
      'SELECT max(v) FROM (SELECT max(v) FROM (SELECT v FROM m), (SELECT v FROM other..m))',
      'EXPLAIN SELECT max(v) FROM (SELECT v FROM other..m)',
      'EXPLAIN ANALYZE SELECT v FROM other..m',
      'SHOW SERIES FROM other..m',
      'SHOW SERIES ON mine FROM other..m',
      'SHOW TAG VALUES ON mine FROM m, other../x/ WITH KEY = a',
      'SHOW FIELD KEY CARDINALITY FROM other..m',
      'SHOW MEASUREMENTS ON other',
      'SHOW MEASUREMENTS WITH MEASUREMENT = other..m',
      'SHOW DATABASES; SELECT v FROM other..m',
      'CREATE CONTINUOUS QUERY q ON mine BEGIN SELECT max(v) INTO other..t FROM other..m GROUP BY time(1h) END',
      'CREATE CONTINUOUS QUERY q ON other BEGIN SELECT max(v) INTO other..t FROM mine..m GROUP BY time(1h) END',
    ];
    const reader = loginWays.basic!('reader');
    for (const q of needsMine) expect((await query(q, reader, 'mine')).status, q).toBe(200);
    for (const q of needsOther) {
      const answer = await query(q, reader, 'mine');
      expect([answer.status, answer.text()], q).toEqual([
        403,
        expect.stringContaining('requires READ on other"'),
      ]);
    }
    for (const q of [
      'SELECT v INTO t FROM m',
      'SELECT v INTO mine..:MEASUREMENT FROM m',
      'CREATE CONTINUOUS QUERY q ON mine BEGIN SELECT max(v) INTO t FROM m GROUP BY time(1h) END',
    ]) {
      expect((await query(q, reader, 'mine')).text(), q).toContain('requires WRITE on mine');
    }
    // What the request says of the database is what an unqualified name of a continuous query will mean.
    const q =
      'CREATE CONTINUOUS QUERY q ON mine BEGIN SELECT max(v) INTO other..t FROM m GROUP BY time(1h) END';
    expect((await query(q, reader, 'other')).text()).toContain('requires READ on other');
    expect((await query('SHOW MEASUREMENTS ON *', reader, 'mine')).text()).toContain(
      'requires admin privilege',
    );
    expect((await query('SELECT v FROM m', reader)).text()).toContain('requires READ on "');
  });

  test('nothing of a request runs when one of its statements may not', async () => {
    await startWithPeople();
    const q = 'DELETE FROM m; DROP MEASUREMENT m';
    expect((await query(q, loginWays.url!('owner'), 'mine')).status).toBe(403);
    expect(server.dataNode.writes).toHaveLength(0);
  });

  test('one sees the databases that one may read or write', async () => {
    await startWithPeople();
    await query('CREATE DATABASE empty');
    const namesFor = async (name: string) => {
      const shown = await query('SHOW DATABASES', loginWays.url!(name));
      const { results } = shown.json() as { results: { series: { values?: string[][] }[] }[] };
      return results[0]?.series[0]?.values?.flat() ?? [];
    };
    expect(await namesFor('admin')).toEqual(['mine', 'other', 'empty']);
    for (const name of ['reader', 'writer', 'owner'])
      expect(await namesFor(name)).toEqual(['mine']);
    expect(await namesFor('stranger')).toEqual([]);
    const q =
      'CREATE CONTINUOUS QUERY c ON other BEGIN SELECT max(v) INTO t FROM m GROUP BY time(1h) END';
    await query(q, asAdmin, 'other');
    const shown = await query('SHOW CONTINUOUS QUERIES', loginWays.url!('reader'), 'mine');
    expect(shown.text()).not.toContain('other');
  });

  test('what is granted, revoked, changed and dropped counts from the next request on', async () => {
    await startWithPeople();
    const stranger = loginWays.basic!('stranger');
    const read = async () => (await query('SELECT v FROM m', stranger, 'mine')).status;
    expect(await read()).toBe(403);
    await query('GRANT READ ON mine TO stranger');
    expect(await read()).toBe(200);
    await query('REVOKE READ ON mine FROM stranger');
    expect(await read()).toBe(403);
    await query('GRANT ALL TO stranger');
    expect((await query('SHOW USERS', stranger)).status).toBe(200);
    await query('REVOKE ALL FROM stranger');
    expect((await query('SHOW USERS', stranger)).status).toBe(403);
    await query("SET PASSWORD FOR stranger = 'new'");
    expect(await read()).toBe(401);
    await query(`SET PASSWORD FOR stranger = '${passwordOf('stranger')}'`);
    expect(await read()).toBe(403);
    await query('GRANT READ ON mine TO stranger');
    await query('DROP DATABASE mine');
    await query('CREATE DATABASE mine');
    expect(await read()).toBe(403);
    await query('DROP USER stranger');
    expect(await read()).toBe(401);
  });
});

describe('logins', () => {
  test("InfluxDB's words for what is no login", async () => {
    await startWithPeople();
    const bearer = (claims: object) => ({
      params: {},
      headers: { authorization: `Bearer ${signToken(claims)}` },
    });
    const exp = 9_999_999_999;
    for (const [login, error] of [
      [noLogin, 'unable to parse authentication credentials'],
      [{ params: { u: 'admin' }, headers: {} }, 'unable to parse authentication credentials'],
      [{ params: { u: 'admin', p: 'wrong' }, headers: {} }, 'authorization failed'],
      [{ params: { u: 'nobody', p: 'x' }, headers: {} }, 'authorization failed'],
      [{ params: {}, headers: { authorization: 'Token :x' } }, 'username required'],
      [bearer({ username: 'nobody', exp }), 'user not found'],
      [bearer({ username: 'admin' }), 'token expiration required'],
      [bearer({ username: 'admin', exp: 1 }), 'Token is expired'],
      [bearer({ username: 7, exp }), 'username in token must be a string'],
    ] as const) {
      const answer = await query('SHOW DATABASES', login);
      expect([answer.status, answer.json()]).toEqual([401, { error }]);
      expect(answer.headers['www-authenticate']).toBe('Basic realm="InfluxDB"');
      expect(answer.headers['x-influxdb-error']).toBeUndefined();
    }
  });

  test('without a shared secret no token is taken, least of all one signed with nothing', async () => {
    await startWithPeople({ access: { sharedSecret: '' } });
    const forged = signToken({ username: 'admin', exp: 9_999_999_999 }, '');
    const answer = await query('SHOW USERS', {
      params: {},
      headers: { authorization: `Bearer ${forged}` },
    });
    expect([answer.status, answer.json()]).toEqual([401, { error: 'bearer auth disabled' }]);
  });

  test('name and password in the body of a form do not count', async () => {
    await startWithPeople();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = new URLSearchParams({ ...asAdmin.params, q: 'SHOW USERS' }).toString();
    expect((await post('/query', {}, { params: {}, headers }, form)).status).toBe(401);
    expect((await post('/query', asAdmin.params, { params: {}, headers }, form)).status).toBe(200);
  });

  test('guessing is put off after a while, with the way to go on; who is known goes on', async () => {
    await startWithPeople();
    expect((await query('SHOW USERS')).status).toBe(200);
    // At once, because tries come back with time.
    const guesses = Array.from({ length: 200 }, (_, i) => ({ u: 'owner', p: `guess ${i}` }));
    const answers = await Promise.all(
      guesses.map((params) => query('SHOW DATABASES', { params, headers: {} })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 503]));
    const putOff = answers.find(({ status }) => status === 503);
    expect(putOff?.headers['retry-after']).toBe('1');
    expect(putOff?.text()).toContain('try again');
    expect((await query('SHOW USERS')).status).toBe(200);
    const metrics = (await server.request('/metrics')).text();
    expect(metrics).toMatch(/citadel_logins_failed_total [1-9]/);
    expect(metrics).toMatch(/citadel_logins_put_off_total [1-9]/);
  });

  test('passwords are in no answer', async () => {
    await startWithPeople();
    const secret = 'very-secret';
    const texts = [
      `CREATE USER x WITH PASSWORD '${secret}'`,
      `SET PASSWORD FOR x = '${secret}'`,
      `CREATE USER x WITH PASSWORD ${secret}`,
      `CREATE USER x WITH PASSWORD '${secret}' WITH NOTHING`,
      `SET PASSWORD FOR x '${secret}'`,
      `SET PASSWORD x = '${secret}'`,
      `CREATE USER x PASSWORD '${secret}'`,
      `SET PASSWORD FOR x = ${secret}`,
    ];
    for (const q of texts) {
      for (const method of ['GET', 'POST']) {
        const params = { q, ...loginWays.url!('owner').params };
        const answer = await server.request('/query', params, { method });
        expect(answer.text(), q).not.toContain(secret);
        expect(answer.headers['x-influxdb-error'] ?? '', q).not.toContain(secret);
      }
    }
  });
});

describe('the first administrator', () => {
  const make = "CREATE USER admin WITH PASSWORD 'x' WITH ALL PRIVILEGES";
  const tooEarly = 'create admin user first or disable authentication';

  test('is all that can be made, and only by itself', async () => {
    await start();
    for (const q of ['SHOW DATABASES', "CREATE USER a WITH PASSWORD 'x'", `${make}; SHOW USERS`]) {
      const answer = await query(q, noLogin);
      expect([answer.status, answer.json()], q).toEqual([
        403,
        { error: `error authorizing query: ${tooEarly}` },
      ]);
    }
    const write = await post('/write', { db: 'mine' }, noLogin, 'm v=1');
    expect(write.status).toBe(404);
    expect((await post('/create', { db: 'mine' }, noLogin)).status).toBe(403);
    expect((await server.request('/info')).status).toBe(403);
    expect((await query(make, noLogin)).status).toBe(200);
    expect((await query(make, noLogin)).status).toBe(401);
  });

  test('is not made by GET, nor from another machine', async () => {
    await start();
    expect((await server.request('/query', { q: make })).status).toBe(403);
    const access = await createAccess(
      { ...quick, catalog: server.catalog },
      { isEnabled: true, sharedSecret: '' },
    );
    const offer = { urlUser: '', urlPassword: '', authorization: '' };
    const there = await access.identify({ ...offer, address: '192.0.2.1' });
    expect(there.beforeFirstAdmin).toBe('elsewhere');
    expect(there.isAdmin).toBe(false);
    expect((await access.identify({ ...offer, address: '::1' })).beforeFirstAdmin).toBe('here');
  });
});

describe('routes', () => {
  const routes: readonly [string, string, string][] = [
    ['GET', '/health', 'open'],
    ['GET', '/debug/vars', 'open'],
    ['GET', '/ping', 'ping'],
    ['HEAD', '/ping', 'ping'],
    ['GET', '/status', 'ping'],
    ['GET', '/metrics', 'ping'],
    ['GET', '/info', 'admin'],
    ['POST', '/create?db=made', 'admin'],
    ['GET', '/cluster/plan', 'admin'],
    ['GET', '/cluster/verify', 'ADMIN'],
    ['POST', '/cluster/drain?node=x', 'admin'],
    ['POST', '/cluster/remove?node=x', 'admin'],
    ['POST', '/cluster/replicas?count=1', 'admin'],
    ['POST', '/cluster/rebalance', 'admin'],
    ['POST', '/write?db=mine', 'WRITE'],
    ['POST', '/kv/put?table=mine', 'WRITE'],
    ['POST', '/kv/delete?table=mine', 'WRITE'],
    ['GET', '/kv/get?table=mine&keys=a', 'READ'],
    ['POST', '/kv/get?table=mine', 'READ'],
    ['GET', '/kv/list?table=mine', 'READ'],
  ];

  /** ADMIN: for administrators too, but they would wait long for the answer here. */
  function mayUse({ isAdmin, name, rights }: Person, needed: string, asksAtPing: boolean) {
    if (needed === 'open' || (needed === 'ping' && !asksAtPing) || isAdmin) return true;
    if (name === '') return false;
    return needed === 'ping' || (rights as string[]).includes(needed);
  }

  test.each([false, true])('each to whom it is for; asking at ping: %s', async (asksAtPing) => {
    await startWithPeople({ http: { asksAtPing } });
    for (const [method, path, needed] of routes) {
      for (const person of people) {
        if (needed === 'ADMIN' && person.isAdmin) continue;
        const login = person.name === '' ? noLogin : loginWays.basic!(person.name);
        const { status } = await server.request(path, {}, { method, headers: login.headers });
        const cell = `${method} ${path} by ${person.name || 'nobody'}: ${status}`;
        if (mayUse(person, needed, asksAtPing)) expect([401, 403], cell).not.toContain(status);
        else expect(status, cell).toBe(person.name === '' ? 401 : 403);
      }
    }
  });

  test('a write says what it lacks, after an unknown database', async () => {
    await startWithPeople();
    const reader = loginWays.url!('reader');
    for (const [db, status, error] of [
      ['', 400, 'database is required'],
      ['nowhere', 404, 'database not found: "nowhere"'],
      ['mine', 403, '"reader" user is not authorized to write to database "mine"'],
    ] as const) {
      const answer = await post('/write', { db }, reader, 'm v=1');
      expect([answer.status, answer.json()]).toEqual([status, { error }]);
    }
    expect((await post('/write', {}, noLogin)).status).toBe(401);
    expect(server.dataNode.writes).toHaveLength(0);
  });

  test('OPTIONS and unknown paths ask nobody who he is', async () => {
    await startWithPeople();
    expect((await server.request('/query', {}, { method: 'OPTIONS' })).status).toBe(200);
    expect((await server.request('/nothing')).status).toBe(404);
    expect((await server.request('/write')).status).toBe(405);
  });

  test('a route that says nothing about who may use it cannot be added', async () => {
    await start();
    const access = await createAccess(
      { ...quick, catalog: server.catalog },
      { isEnabled: true, sharedSecret: '' },
    );
    const app = fastify();
    addRouteAccess(app, access, { asksAtPing: false });
    app.get('/said', { config: { access: 'admin' } }, async () => 'x');
    expect(() => app.get('/unsaid', async () => 'x')).toThrow(/\/unsaid/);
    await app.close();
  });
});

describe('GET', () => {
  const changes = [
    'DROP DATABASE mine',
    'CREATE DATABASE made',
    'DELETE FROM m',
    'SELECT v INTO t FROM m',
    'KILL QUERY 1',
    'GRANT READ ON mine TO stranger',
    'SHOW DATABASES; DROP SERIES FROM m',
  ];

  test('changes nothing', async () => {
    await startWithPeople();
    for (const q of changes) {
      const params = { q, db: 'mine', ...asAdmin.params };
      const answer = await server.request('/query', params);
      expect(answer.status, q).toBe(403);
      expect(answer.text(), q).toMatch(/by GET, which changes nothing: use POST"/);
    }
    expect(server.catalog.view.databases.map(({ name }) => name)).toEqual(['mine', 'other']);
    expect(server.dataNode.writes).toHaveLength(0);
    for (const q of [
      'SHOW DATABASES',
      'SELECT v FROM m',
      'EXPLAIN SELECT v FROM m',
      'SHOW QUERIES',
    ]) {
      const params = { q, db: 'mine', ...asAdmin.params };
      expect((await server.request('/query', params)).status, q).toBe(200);
    }
  });

  test('changes what it is told to where that is allowed, with a warning', async () => {
    server = await startInProcessServer({ allowChangesByGet: true });
    const answer = await server.request('/query', { q: 'CREATE DATABASE made' });
    expect(answer.text()).toContain('deprecated use of');
    expect(server.catalog.view.database('made')).toBeDefined();
  });
});

test('a refused body is read to its end, so that the connection can go on', async () => {
  await startWithPeople();
  const body = Buffer.alloc(3_000_000, 'm v=1\n');
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const url = new URL('/write?db=mine', server.url);
    const outgoing = httpRequest(url, { method: 'POST', agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
  expect(status).toBe(401);
});
