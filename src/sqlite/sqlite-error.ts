/** Turns what SQLite and the file system throw into errors of ours, naming the file. */

import { CitadelError, type ErrorCode } from '../base/errors.ts';
import { Database } from './driver.ts';

/** A healthy file always has the tables and columns that its format asks for. */
const damagedSchema =
  /^(no such (table|column)|table .* has no column|malformed database schema|unsupported file format)/;

function codeOf(error: Error & { code?: unknown }): ErrorCode | undefined {
  const code = String(error.code ?? '');
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT') return 'disk-full';
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return 'corrupt';
  if (code === 'SQLITE_ERROR' && damagedSchema.test(error.message)) return 'corrupt';
  if (code.startsWith('SQLITE_CONSTRAINT')) return 'corrupt';
  if (code === 'ENOENT') return 'not-found';
  if (code === 'EROFS' || code === 'EACCES' || code === 'SQLITE_READONLY') return 'read-only';
  if (code.startsWith('SQLITE_') || /^E[A-Z]+$/.test(code)) return 'unavailable';
  return undefined;
}

/** `action` reads "cannot <action> <file>". Errors that are not of the world come back as they are. */
export function describeSqliteError(error: unknown, action: string, file: string): unknown {
  if (!(error instanceof Error) || error instanceof CitadelError) return error;
  const isOurs = error instanceof Database.SqliteError || 'code' in error;
  const code = isOurs ? codeOf(error) : undefined;
  if (code === undefined) return error;
  return new CitadelError(code, `cannot ${action} ${file}: ${error.message}`, {
    cause: error,
    details: { file },
  });
}
