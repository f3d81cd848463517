/**
 * better-sqlite3 in the release that runs on this Node.js: 12 ends the process on Node.js 24.19 and later when a
 * statement is collected (an assertion in RemoveEnvironmentCleanupHook), 13 when it opens a file on Node.js 20.
 * The same choice stands in scripts/setup.mjs.
 */

import { createRequire } from 'node:module';
import type BetterSqlite from 'better-sqlite3';

export type Connection = BetterSqlite.Database;
export type Statement<Bound extends unknown[], Row = unknown> = BetterSqlite.Statement<Bound, Row>;

const require = createRequire(import.meta.url);
const nodeOf13 = 22;

function load(): typeof BetterSqlite {
  const major = Number.parseInt(process.versions.node, 10);
  try {
    return major >= nodeOf13 ? require('better-sqlite3-13') : require('better-sqlite3');
  } catch (error) {
    const hint = `cannot load SQLite for Node.js ${process.versions.node}; run npm install with this Node.js`;
    throw new Error(hint, { cause: error });
  }
}

/** Opens a file: `new Database(path, options)`; `Database.SqliteError` is what it throws. */
export const Database: typeof BetterSqlite = load();
