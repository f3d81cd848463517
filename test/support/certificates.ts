/** Certificates for tests, made by `openssl` in a temporary directory. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RpcTls } from '../../src/rpc/contract.ts';
import { makeTempDir } from './temp-dir.ts';

export interface Authority {
  /** A certificate for 127.0.0.1 and the name `node.citadel.test`. */
  issue(name: string): RpcTls;
}

function openssl(directory: string, ...args: string[]): void {
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function makeAuthority(): Authority {
  const directory = makeTempDir('tls');
  const read = (name: string) => new Uint8Array(readFileSync(join(directory, name)));
  const subject = ['-subj', '/CN=Citadel test authority'];
  openssl(directory, 'req', '-x509', ...newKey, ...subject, '-keyout', 'ca.key', '-out', 'ca.crt');
  return {
    issue(name) {
      const names = 'subjectAltName=IP:127.0.0.1,DNS:node.citadel.test';
      writeFileSync(join(directory, `${name}.ext`), names);
      const request = ['-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`];
      openssl(directory, 'req', '-new', ...newKey, ...request);
      const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
      const files = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', `${name}.ext`];
      openssl(directory, 'x509', '-req', ...signer, ...files);
      return { ca: read('ca.crt'), cert: read(`${name}.crt`), key: read(`${name}.key`) };
    },
  };
}
