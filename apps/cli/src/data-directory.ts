/**
 * The data directory of the embedded regions, and the three small files in it that other commands read:
 * `layout.json` (what was created), `keys.json` (API keys, mode 0600), `meridian.json` (URLs, while it runs).
 * Who owns the directory is decided by LevelDB's lock on `control`, never by a file.
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { CliError } from './errors';

/** Fixed when the directory is created. */
export interface Layout {
  readonly regions: readonly string[];
  readonly partitions: number;
}

export interface Keys {
  /** A key of the tenant `demo`: ingest, void, read. */
  readonly demo: string;
  /** Names its tenant in each request; may also run jobs. */
  readonly platform: string;
}

export interface RegionUrls {
  readonly ingest: string;
  readonly aggregator: string;
  readonly reconciliation: string;
}

export interface Running {
  readonly pid: number;
  readonly regions: Readonly<Record<string, RegionUrls>>;
}

export class DataDirectory {
  constructor(readonly path: string) {}

  get control(): string {
    return join(this.path, 'control');
  }

  log(region: string): string {
    return join(this.path, 'regions', region, 'log');
  }

  ledger(region: string): string {
    return join(this.path, 'regions', region, 'ledger');
  }

  derived(region: string): string {
    return join(this.path, 'regions', region, 'derived');
  }

  async create(): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true });
    } catch (cause) {
      throw new CliError('data_invalid', `cannot create ${this.path}: ${(cause as Error).message}`, { fix: 'Name another directory with --data.', cause });
    }
  }

  layout(): Promise<Layout | undefined> {
    return this.read<Layout>('layout.json');
  }

  keys(): Promise<Keys | undefined> {
    return this.read<Keys>('keys.json');
  }

  /** What runs on the directory; undefined when nothing does, or when what did was killed. */
  async running(): Promise<Running | undefined> {
    const running = await this.read<Running>('meridian.json');
    return running && isAlive(running.pid) ? running : undefined;
  }

  writeLayout(layout: Layout): Promise<void> {
    return this.write('layout.json', layout);
  }

  writeKeys(keys: Keys): Promise<void> {
    return this.write('keys.json', keys);
  }

  writeRunning(running: Running): Promise<void> {
    return this.write('meridian.json', running);
  }

  async removeRunning(): Promise<void> {
    await rm(join(this.path, 'meridian.json'), { force: true });
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  /** As the reader would type it: relative to where they are, when that is shorter. */
  get shown(): string {
    const near = relative(process.cwd(), this.path);
    return near !== '' && near.length < this.path.length ? near : this.path;
  }

  private async read<T>(name: string): Promise<T | undefined> {
    const file = join(this.path, name);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw new CliError('data_invalid', `cannot read ${file}: ${message}`, { fix: 'Make it readable, or name another directory with --data.', cause });
    }
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new CliError('data_invalid', `${file} is not JSON`, { fix: 'Restore it, or name another directory with --data.', cause });
    }
  }

  /** Whole or not at all, whenever the process is killed. */
  private async write(name: string, value: unknown): Promise<void> {
    const file = join(this.path, name);
    const draft = await open(`${file}.draft`, 'w', 0o600);
    try {
      await draft.writeFile(`${JSON.stringify(value, undefined, 2)}\n`);
      await draft.sync();
    } finally {
      await draft.close();
    }
    await rename(`${file}.draft`, file);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
