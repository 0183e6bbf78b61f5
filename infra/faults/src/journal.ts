/**
 * What one publisher has made for its tenant and what was acknowledged to it, on disk before anything is sent: the only
 * thing that totals are compared with. It shares no code with the product. Append-only; one JSON array a line.
 */
import { appendFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { invariant } from '@meridian/accounting';
import type { Event } from './event';

export interface Sent extends Event {
  /** Undefined: sent, perhaps, and never acknowledged. ms. */
  ackedAt?: number;
}

/** The events of each session of one tenant, by their index. */
export type Sessions = ReadonlyMap<string, readonly Sent[]>;

type Line = readonly ['made', session: string, index: number, output: number, at: number] | readonly ['acked', session: string, index: number, at: number];

const SUFFIX = '.journal';

/** Names of tenants have no dot. */
function tenantOf(name: string): string {
  return name.slice(0, name.indexOf('.'));
}

export class Journal {
  private readonly all = new Map<string, Sent[]>();
  readonly file: string;
  sent = 0;
  acknowledged = 0;

  constructor(
    directory: string,
    readonly tenant: string,
    readonly publisher: string,
  ) {
    this.file = join(directory, `${tenant}.${publisher}${SUFFIX}`);
  }

  get sessions(): Sessions {
    return this.all;
  }

  /** Durable as far as this process goes when it returns. */
  made(events: readonly Event[], at: number): void {
    this.append(events.map(({ session, index, output }) => ['made', session, index, output, at]));
    for (const event of events) add(this.all, event);
    this.sent += events.length;
  }

  /** Events that a process before this one has put on it. */
  adopt(events: readonly Sent[]): void {
    for (const event of events) add(this.all, event);
    this.sent += events.length;
  }

  /** An event that was acknowledged before was so at the first time. */
  acked(events: readonly Event[], at: number): void {
    const fresh = events.filter((event) => sentOf(this.all, event).ackedAt === undefined);
    if (fresh.length === 0) return;
    this.append(fresh.map(({ session, index }) => ['acked', session, index, at]));
    for (const event of fresh) sentOf(this.all, event).ackedAt = at;
    this.acknowledged += fresh.length;
  }

  private append(lines: readonly Line[]): void {
    appendFileSync(this.file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
}

/** What every publisher has put on disk, by tenant. */
export async function readJournals(directory: string): Promise<ReadonlyMap<string, Sessions>> {
  const all = new Map<string, Map<string, readonly Sent[]>>();
  for (const name of await readdir(directory)) {
    if (!name.endsWith(SUFFIX)) continue;
    const sessions = all.get(tenantOf(name)) ?? new Map<string, readonly Sent[]>();
    for (const [session, events] of readJournal(join(directory, name))) sessions.set(session, events);
    all.set(tenantOf(name), sessions);
  }
  return all;
}

/** One publisher's: perhaps of a process that goes on writing, or was killed while it did. */
export function readJournal(file: string): Sessions {
  const all = new Map<string, Sent[]>();
  // What follows the last line break is a line that is being written, or none.
  for (const text of readFileSync(file, 'utf8').split('\n').slice(0, -1)) apply(all, JSON.parse(text) as Line);
  return all;
}

/** What one publisher has made for its tenant. */
export interface Made {
  readonly tenant: string;
  readonly sessions: Sessions;
}

/** Of publishers that are processes of their own, as far as they have got: files that have grown are read again. */
export class Journals {
  private readonly files = new Map<string, { readonly size: number; readonly sessions: Sessions }>();

  constructor(
    private readonly directory: string,
    /** Publishers of this process. */
    private readonly except: readonly Journal[],
  ) {}

  all(): readonly Made[] {
    const names = readdirSync(this.directory).filter((name) => name.endsWith(SUFFIX));
    return names.filter((name) => !this.except.some(({ file }) => file === join(this.directory, name))).map((name) => {
      const file = join(this.directory, name);
      const [tenant, known, { size }] = [tenantOf(name), this.files.get(file), statSync(file)];
      if (known?.size === size) return { tenant, sessions: known.sessions };
      const sessions = readJournal(file);
      this.files.set(file, { size, sessions });
      return { tenant, sessions };
    });
  }
}

function apply(all: Map<string, Sent[]>, line: Line): void {
  switch (line[0]) {
    case 'made':
      add(all, { session: line[1], index: line[2], output: line[3] });
      break;
    case 'acked':
      sentOf(all, { session: line[1], index: line[2] }).ackedAt = line[3];
  }
}

function add(all: Map<string, Sent[]>, { session, index, output }: Event): void {
  const events = all.get(session) ?? [];
  events[index] = { session, index, output };
  all.set(session, events);
}

function sentOf(all: ReadonlyMap<string, Sent[]>, { session, index }: Pick<Event, 'session' | 'index'>): Sent {
  const sent = all.get(session)?.[index];
  invariant(sent, `${session}/${index} was acknowledged and never made`);
  return sent;
}
