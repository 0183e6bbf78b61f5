/**
 * One publisher at a time has a spool. A lock is a symbolic link that names its process: it is made at once, takes no
 * room on a full disk, and what a killed process left behind is recognised.
 */
import { readFileSync } from 'node:fs';
import { readdir, readlink, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { PublisherError } from './errors';

const LOCK = /^lock-(\d+)$/;
/** Those of this process: its number alone does not say whether it has closed them. */
const held = new Set<string>();

/** Resolves with what releases it. Rejects with `spool_in_use`. */
export async function lock(directory: string): Promise<() => Promise<void>> {
  const numbers = (await readdir(directory)).flatMap((name) => Number(LOCK.exec(name)?.[1] ?? []));
  const newest = Math.max(0, ...numbers);
  const owner = newest === 0 ? '' : await readlink(join(directory, `lock-${newest}`)).catch(() => '');
  const isOurs = owner === identityOf(process.pid);
  const mine = join(directory, `lock-${newest + 1}`);
  // Of two who find the same dead owner one makes the link: its name is taken for the other.
  const isTaken = (isOurs ? held.has(join(directory, `lock-${newest}`)) : isAlive(owner)) || !(await symlink(identityOf(process.pid), mine).then(() => true, (error: unknown) => refuse(error)));
  if (isTaken) throw new PublisherError('spool_in_use', `${directory} belongs to process ${owner.split('-')[0]}`, { field: 'spool', fix: 'Give every process a directory of its own.' });
  held.add(mine);
  for (const number of numbers) await unlink(join(directory, `lock-${number}`)).catch(() => undefined);
  return async () => {
    held.delete(mine);
    await unlink(mine);
  };
}

function refuse(error: unknown): false {
  if ((error as { readonly code?: unknown }).code !== 'EEXIST') throw error;
  return false;
}

/** A number is given to other processes later: it goes with the moment it started, where the system says that. */
function identityOf(pid: number): string {
  let started = '';
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    started = text.slice(text.lastIndexOf(')')).split(' ')[20] ?? '';
  } catch {
    // Not Linux, or gone.
  }
  return `${pid}-${started}`;
}

function isAlive(owner: string): boolean {
  const pid = Number(owner.split('-')[0]);
  if (owner === '' || identityOf(pid) !== owner) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // There, and another user's.
    return (error as { readonly code?: unknown }).code === 'EPERM';
  }
}
