/**
 * Makes the tables of several DynamoDB Locals one global table: reads each region's stream and applies every item to all
 * other regions, last writer wins. Every replica ends with the same items, whatever the order and however often it is
 * killed. Neighbours: `change.ts` decides, `stream-reader.ts` reads, `applier.ts` writes, `checkpoint.ts` keeps.
 */
import { join } from 'node:path';
import { Applier, type Lag } from './applier';
import { changesOf, changesOfScanned, nameOf, type Changes, type ItemKey, type Origin } from './change';
import { readCheckpoint, writeCheckpoint, type Checkpoint, type Grave } from './checkpoint';
import { clientsOf, type Clients, type Replica } from './clients';
import { NO_FAULTS, type Faults } from './faults';
import { Stamps } from './stamp';
import { StreamReader } from './stream-reader';
import { Writer } from './writer';

export interface ReplicatorOptions {
  readonly table: string;
  readonly replicas: readonly Replica[];
  /** Where it keeps how far it is. */
  readonly directory: string;
  /** Told when a region cannot be read or written, and when it can again. */
  readonly say: (line: string) => void;
}

interface Region {
  readonly name: string;
  readonly clients: Clients;
  readonly stamps: Stamps;
  readonly reader: StreamReader;
  readonly applier: Applier;
  /** Records that are not applied everywhere. */
  open: number;
  openBytes: number;
}

/** Connections to one table: more than there are requests. */
const CONNECTIONS = 24;
/** Of one region, in memory: what a cut of some minutes holds back. Then its stream is not read on, for any region. */
const OPEN_RECORDS_MAX = 50_000;
const OPEN_BYTES_MAX = 64 * 1024 * 1024;
const CHECKPOINT_EVERY_MS = 1_000;
/** Rows are deleted by hand, if ever; the oldest are forgotten. */
const GRAVES_MAX = 20_000;

export class Replicator {
  private readonly regions: readonly Region[];
  private readonly graves: Map<string, Grave>;
  private faults: Faults = NO_FAULTS;
  private kept: string;
  private writing = Promise.resolve();
  private readonly timer: NodeJS.Timeout;

  private constructor(private readonly options: ReplicatorOptions, checkpoint: Checkpoint) {
    this.kept = JSON.stringify(checkpoint);
    this.graves = new Map(checkpoint.graves.map((grave) => [nameOf({ pk: grave[0], sk: grave[1] }), grave]));
    this.regions = options.replicas.map((replica) => this.region(replica, checkpoint));
    for (const { name, reader } of this.regions) reader.start(checkpoint.regions[name]);
    this.timer = setInterval(() => void this.keep(), CHECKPOINT_EVERY_MS);
  }

  /** Goes on where the checkpoint stands. Rejects with `stack_invalid` when that is damaged. */
  static async start(options: ReplicatorOptions): Promise<Replicator> {
    return new Replicator(options, await readCheckpoint(fileOf(options)));
  }

  get table(): string {
    return this.options.table;
  }

  setFaults(faults: Faults): void {
    this.faults = faults;
    for (const { applier } of this.regions) applier.poke();
  }

  /** Of every pair of two regions. */
  lags(): readonly Lag[] {
    return this.regions.flatMap(({ applier, name }) => this.regions.filter((source) => source.name !== name).map((source) => applier.lag(source.name)));
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.regions.map(({ reader }) => reader.close()));
    await Promise.all(this.regions.map(({ applier }) => applier.close()));
    await this.keep();
    for (const { clients } of this.regions) {
      clients.table.destroy();
      clients.streams.destroy();
    }
  }

  private region(replica: Replica, checkpoint: Checkpoint): Region {
    const { table, say } = this.options;
    const { region: name } = replica;
    const clients = clientsOf(replica, CONNECTIONS);
    const stamps = new Stamps(name, checkpoint.regions[name]?.floorMs);
    const applier = new Applier({
      region: name,
      writer: new Writer(clients.table, table),
      faults: () => this.faults,
      graveOf: (key) => this.graves.get(key)?.[2],
      onTrouble: once(`writing ${table} in ${name}`, say),
    });
    const reader = new StreamReader(clients, table, {
      onRecord: (record, bytes, done) => this.spread(region, record.key, { changes: changesOf(record, origin(record.key)), bytes, done }),
      onScanned: (key, image, done) => this.spread(region, key, { changes: changesOfScanned(key, image, origin(key)), bytes: 0, done }),
      isFull: () => region.open >= OPEN_RECORDS_MAX || region.openBytes >= OPEN_BYTES_MAX,
      onTrouble: once(`reading ${table} in ${name}`, say),
    });
    const origin = (key: ItemKey): Origin => ({ region: name, stamps, nowMs: Date.now(), grave: this.graves.get(nameOf(key))?.[2] });
    const region: Region = { name, clients, stamps, reader, applier, open: 0, openBytes: 0 };
    return region;
  }

  /** `done` is called when all regions have what the record means. */
  private spread(source: Region, key: ItemKey, { changes, bytes, done }: { readonly changes: Changes; readonly bytes: number; readonly done: () => void }): void {
    const { own, others } = changes;
    if (others?.kind === 'delete') this.bury(key, others.stamp);
    const parts = this.regions.flatMap((target) => {
      const change = target === source ? own : others;
      return change ? [{ target, change }] : [];
    });
    if (parts.length === 0) {
      done();
      return;
    }
    let left = parts.length;
    source.open++;
    source.openBytes += bytes;
    const applied = (): void => {
      if (--left > 0) return;
      source.open--;
      source.openBytes -= bytes;
      done();
    };
    for (const { target, change } of parts) target.applier.add(source.name, change, applied);
  }

  private bury(key: ItemKey, stamp: string): void {
    const name = nameOf(key);
    const known = this.graves.get(name);
    if (known && known[2] >= stamp) return;
    this.graves.delete(name);
    this.graves.set(name, [key.pk, key.sk, stamp]);
    const [oldest] = this.graves.keys();
    if (this.graves.size > GRAVES_MAX && oldest !== undefined) this.graves.delete(oldest);
  }

  private keep(): Promise<void> {
    const regions = this.regions.flatMap(({ name, reader, stamps }) => {
      const read = reader.checkpoint();
      return read ? [[name, { ...read, floorMs: stamps.floor }] as const] : [];
    });
    const checkpoint: Checkpoint = { regions: Object.fromEntries(regions), graves: [...this.graves.values()] };
    const text = JSON.stringify(checkpoint);
    if (text === this.kept) return this.writing;
    this.kept = text;
    // One after another: each replaces the file.
    this.writing = this.writing
      .then(() => writeCheckpoint(fileOf(this.options), checkpoint))
      .catch((error: unknown) => this.options.say(`the checkpoint could not be written: ${(error as Error).message}`));
    return this.writing;
  }
}

function fileOf({ directory, table }: ReplicatorOptions): string {
  return join(directory, `${table}.json`);
}

/** Says what has changed only. */
function once(what: string, say: (line: string) => void): (trouble: string | undefined) => void {
  let last: string | undefined;
  return (trouble) => {
    if (trouble === last) return;
    last = trouble;
    say(trouble === undefined ? `${what}: goes on` : `${what}: ${trouble}`);
  };
}
