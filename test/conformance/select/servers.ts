/** Both servers, started and loaded with the same data. */

import { type CitadelCluster, startCluster } from '../../support/citadel-cluster.ts';
import type { CitadelProcess } from '../../support/citadel-process.ts';
import { startCompared } from '../../support/compared-citadel.ts';
import type { HttpResponse } from '../../support/http-client.ts';
import { type InfluxdProcess, startInfluxd } from '../../support/influxd-process.ts';
import { type DataSet, dataSets, preparations } from './datasets.ts';

const batchSize = 5000;

/** One question: the query text and any other parameters of /query. */
export interface Question {
  readonly q: string;
  readonly db?: string;
  readonly [parameter: string]: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Server {
  request: CitadelProcess['request'] & InfluxdProcess['request'];
}

export interface Servers {
  /** The node that is asked. */
  readonly citadel: CitadelProcess;
  readonly influxd: InfluxdProcess;
  stop(): Promise<void>;
}

async function mustSucceed(response: HttpResponse, what: string): Promise<void> {
  if (response.status < 300 && !response.text().includes('"error"')) return;
  throw new Error(`${what}: ${response.status} ${response.text()}`);
}

export async function load(server: Server, sets: readonly DataSet[] = dataSets): Promise<void> {
  for (const q of preparations) {
    await mustSucceed(await server.request('/query', { q }, { method: 'POST' }), q);
  }
  for (const { database, policy, lines } of sets) {
    for (let from = 0; from < lines.length; from += batchSize) {
      const body = lines.slice(from, from + batchSize).join('\n');
      const response = await server.request(
        '/write',
        { db: database, rp: policy },
        { method: 'POST', body },
      );
      await mustSucceed(response, `write to ${database}`);
    }
  }
}

interface Ours {
  readonly citadel: CitadelProcess;
  cleanUp(): Promise<void>;
}

async function startLoaded(ours: Ours): Promise<Servers> {
  const { citadel } = ours;
  const influxd = await startInfluxd().catch(async (error: unknown) => {
    await ours.cleanUp();
    throw error;
  });
  const stop = async (): Promise<void> => {
    await ours.cleanUp();
    await influxd.stop();
  };
  try {
    await Promise.all([load(citadel), load(influxd)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { citadel, influxd, stop };
}

/** SELECT INTO is asked by GET, so that the warnings are compared too. */
const changesByGet = ['-allow-changes-by-get', 'true'];

export async function startServers(): Promise<Servers> {
  const citadel = await startCompared({ args: changesByGet });
  return startLoaded({ citadel, cleanUp: () => citadel.cleanUp() });
}

export interface ClusterServers extends Servers {
  readonly cluster: CitadelCluster;
}

/** Three nodes with two copies of everything; one of them is asked. */
export async function startClusterServers(): Promise<ClusterServers> {
  const cluster = await startCluster({ args: changesByGet });
  const [citadel] = cluster.nodes as [CitadelProcess];
  const servers = await startLoaded({ citadel, cleanUp: () => cluster.cleanUp() });
  return { ...servers, cluster };
}

export async function ask(server: Server, question: Question): Promise<Answer> {
  const { q, db = 'zoo', ...others } = question;
  const method = /^\s*(select|show|explain)\b/i.test(q) ? 'GET' : 'POST';
  const response = await server.request('/query', { q, db, ...others }, { method });
  return { status: response.status, body: response.text() };
}
