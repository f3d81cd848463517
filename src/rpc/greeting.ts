/**
 * What every call and stream between nodes opens with: one header of plain text, over gRPC as over HTTP/1.1.
 * `<wire version> <cluster> <node> <store id> <map version> <addressee>`, each percent-encoded.
 *
 * The addressee keeps a call from being answered by whoever took over an address.
 */

import { CitadelError } from '../base/errors.ts';
import type { RpcIdentity } from './contract.ts';
import type { PeerGreeting } from './peer-api.ts';

export const greetingHeader = 'citadel-greeting';
/** In answers: the version of the map that the answering node has. */
export const mapVersionHeader = 'citadel-map-version';

/** Raised when nodes of the release before could not understand us. */
export const wireVersion = 1;
const partCount = 6;

/** Of the caller, for one addressee. */
export function formatGreeting(from: RpcIdentity, mapVersion: number, to: string): string {
  const { clusterUuid, node, storeId } = from;
  const parts = [wireVersion, clusterUuid, node, storeId, mapVersion, to];
  return parts.map((part) => encodeURIComponent(part)).join(' ');
}

function unknownWire(version: string): CitadelError {
  return new CitadelError(
    'unsupported-version',
    `cannot talk to this node: it speaks wire version ${version}, this release speaks ${wireVersion}; run the same release on all nodes, upgrading one node at a time`,
    { details: { version, known: wireVersion } },
  );
}

function malformed(): CitadelError {
  return new CitadelError(
    'invalid-argument',
    `cannot read header ${greetingHeader}: calls between nodes open with who speaks to whom`,
  );
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw malformed();
  }
}

/**
 * @throws CitadelError `unsupported-version` for another wire version, `conflict` for another cluster or an
 * addressee that is not `self`, `invalid-argument`
 */
export function checkGreeting(text: string | undefined, self: RpcIdentity): PeerGreeting {
  if (text === undefined) throw malformed();
  const parts = text.split(' ');
  const [version = ''] = parts;
  if (!/^\d{1,9}$/.test(version)) throw malformed();
  if (Number(version) !== wireVersion) throw unknownWire(version);
  if (parts.length < partCount) throw malformed();
  const [, clusterUuid = '', node = '', storeId = '', mapVersion = '', to = ''] =
    parts.map(decodePart);
  if (!/^\d{1,15}$/.test(mapVersion)) throw malformed();
  if (clusterUuid !== self.clusterUuid) {
    throw new CitadelError(
      'conflict',
      `cannot talk to node ${node}: it belongs to cluster ${clusterUuid}, this node to ${self.clusterUuid}; check the addresses`,
      { details: { clusterUuid, node } },
    );
  }
  if (to !== self.node) {
    throw new CitadelError('conflict', `the call was for node ${to}, this is ${self.node}`, {
      details: { addressee: to, node: self.node },
    });
  }
  return { clusterUuid, node, storeId, mapVersion: Number(mapVersion), wireVersion };
}
