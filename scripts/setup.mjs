/**
 * Brings a fresh clone up: packages installed, code built. Needs nothing but Node, because it runs
 * before node_modules exists. When nothing is missing it only compares a few stamps.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const installStamp = join(root, 'node_modules/.citadel-install');
const buildStamp = join(root, 'dist/.citadel-build');
const lowestNode = [20, 19];
/** From this Node.js on SQLite is better-sqlite3 13, before it 12: as in src/sqlite/driver.ts. */
const nodeOfDriver13 = 22;

function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function run(command, args, hint) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  say(`${command} ${args.join(' ')} failed${error ? ` (${error.message})` : ''}; ${hint}`);
  process.exit(1);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > lowestNode[0] || (major === lowestNode[0] && minor >= lowestNode[1])) return;
  say(`Node.js ${lowestNode.join('.')} or newer is needed, this is ${process.versions.node}`);
  process.exit(1);
}

/** What must be installed: the lock file, for this Node's native interface. */
function wantedInstall() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex');
  return `${hash} abi ${process.versions.modules}\n`;
}

/** True when somebody ran `npm install` by hand and the result is what the lock asks for. */
function installedByHand() {
  const hidden = readText(join(root, 'node_modules/.package-lock.json'));
  if (hidden === '' || existsSync(installStamp)) return false;
  const installed = JSON.parse(hidden).packages;
  const wanted = JSON.parse(readText(join(root, 'package-lock.json'))).packages;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' || entry.optional === true || installed[path]?.version === entry.version,
  );
}

/** `npm ci` empties the folder first, and through a link it would empty somebody else's. */
function refuseLink() {
  const found = lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false });
  if (found?.isSymbolicLink() !== true) return;
  say('node_modules is a link to packages that do not fit; install them where it points to');
  process.exit(1);
}

function installPackages() {
  const wanted = wantedInstall();
  if (readText(installStamp) === wanted) return;
  if (!installedByHand()) {
    refuseLink();
    say('installing packages (about a minute; SQLite is compiled)');
    run('npm', ['ci', '--no-audit', '--no-fund'], 'are npm and a C++ compiler there?');
  }
  checkDriver();
  writeFileSync(installStamp, wanted);
}

/** The driver is an optional package, so an installation without it does not fail by itself. */
function checkDriver() {
  const major = Number.parseInt(process.versions.node, 10);
  const driver = major >= nodeOfDriver13 ? 'better-sqlite3-13' : 'better-sqlite3';
  const probe = `new (require('${driver}'))(':memory:').close()`;
  run(process.execPath, ['-e', probe], `SQLite (${driver}) is not there: is there a C++ compiler?`);
}

function listSources(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => join(folder, path));
}

/** One line per source file with size and time: differs when a file came, went or changed. */
function describeSources() {
  const paths = [
    'tsconfig.json',
    'package-lock.json',
    'scripts/build.mjs',
    ...listSources('src'),
    ...listSources('cmd'),
    ...listSources('client'),
  ];
  const lines = paths.map((path) => {
    const { size, mtimeMs } = statSync(join(root, path));
    return `${path} ${size} ${mtimeMs}`;
  });
  return `${lines.join('\n')}\n`;
}

function build() {
  const sources = describeSources();
  if (readText(buildStamp) === sources) return;
  say('building');
  run(process.execPath, [join(root, 'scripts/build.mjs')], 'the code does not compile');
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(buildStamp, sources);
}

export function setup() {
  checkNode();
  installPackages();
  build();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
