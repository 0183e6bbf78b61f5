/**
 * One publisher at a time has a spool, for the kernel says so: a lock on a file, as SQLite takes it, which comes with Node.
 * It holds across threads, containers and, on NFS, machines, also while its owner is paused, and ends with its owner however that
 * ends. Nothing is ever committed: the file stays empty, and taking the lock again needs no room on a full disk.
 */
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PublisherError } from './errors';

/**
 * It stays when the lock ends: were it removed, two could have a file of that name. Nor may its owner read it otherwise: by POSIX
 * a process has no lock any more when it closes the file, however often it has it open.
 */
export const LOCK = 'spool.lock';
/** Of several who come at once one gets it in this time, ms. It blocks the thread, and only when somebody has it. */
const CONTENTION_MS = 100;
const SQLITE_BUSY = 5;

/** Returns what releases it. Throws `spool_in_use` or `spool_failed`. */
export function lock(directory: string): () => void {
  const path = resolve(directory, LOCK);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: CONTENTION_MS });
    // Of a file that may only be read BEGIN takes a shared lock and does not complain: writing does. A journal in memory needs no file.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version = 1');
    const held = database;
    return () => held.close();
  } catch (cause) {
    database?.close();
    const { errcode, message } = Object(cause) as { readonly errcode?: unknown; readonly message?: unknown };
    throw errcode === SQLITE_BUSY
      ? new PublisherError('spool_in_use', `${directory} belongs to another publisher`, { field: 'spool', fix: `Give every process a directory of its own, or end the one that has ${LOCK} open.`, cause })
      : new PublisherError('spool_failed', `${path} could not be locked: ${String(message)}`, { field: 'spool', fix: 'Give a directory that this user may write to, on a file system with locks.', cause });
  }
}
