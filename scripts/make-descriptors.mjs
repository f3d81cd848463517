/**
 * Compiles proto/ into src/rpc/server/descriptor-set.ts: what the reflection service answers from.
 * Needs `protoc`. Run it after a change of proto/ and commit the result; a test compares the two.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lineLength = 96;

/** The FileDescriptorSet of every file in proto/, files in order of their names. */
export function compileProto() {
  const scratch = mkdtempSync(join(tmpdir(), 'citadel-proto-'));
  try {
    const target = join(scratch, 'set.binpb');
    const files = readdirSync(join(root, 'proto'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.proto'))
      .sort();
    const options = [`--proto_path=${join(root, 'proto')}`, `--descriptor_set_out=${target}`];
    execFileSync('protoc', [...options, '--include_imports', ...files], { stdio: 'inherit' });
    return readFileSync(target);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function sourceOf(set) {
  const text = set.toString('base64');
  const lines = [];
  for (let at = 0; at < text.length; at += lineLength) lines.push(text.slice(at, at + lineLength));
  return `/**
 * The FileDescriptorSet of proto/ as base64, made by scripts/make-descriptors.mjs. Not edited by hand.
 */

export const descriptorSetText = \`
${lines.join('\n')}
\`;
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(root, 'src/rpc/server/descriptor-set.ts'), sourceOf(compileProto()));
}
