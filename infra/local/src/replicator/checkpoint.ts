/**
 * How far a table is replicated, kept in a file: per region and shard the record below which every change has been
 * applied in every region. What is above is read again after a kill, which changes nothing. Written whole or not at all.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StackError } from '../errors';
import type { Stamp } from './stamp';

export interface ShardCheckpoint {
  /** Sequence number of the last record below which all is applied. */
  readonly position?: string;
  readonly isFinished?: boolean;
}

export interface RegionCheckpoint {
  /** ARN: another one is another table. */
  readonly stream: string;
  /** What was there before the stream is replicated too. */
  readonly isScanned: boolean;
  readonly floorMs: number;
  readonly shards: Readonly<Record<string, ShardCheckpoint>>;
}

/** A deleted item, and the stamp up to which it stays deleted. */
export type Grave = readonly [pk: string, sk: string, stamp: Stamp];

export interface Checkpoint {
  readonly regions: Readonly<Record<string, RegionCheckpoint>>;
  readonly graves: readonly Grave[];
}

export async function readCheckpoint(file: string): Promise<Checkpoint> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return { regions: {}, graves: [] };
  try {
    return JSON.parse(text) as Checkpoint;
  } catch (cause) {
    throw new StackError('stack_invalid', `${file} is not JSON. Remove it: all is compared once more`, { cause });
  }
}

export async function writeCheckpoint(file: string, checkpoint: Checkpoint): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const draft = await open(`${file}.draft`, 'w');
  try {
    await draft.writeFile(JSON.stringify(checkpoint));
    await draft.sync();
  } finally {
    await draft.close();
  }
  await rename(`${file}.draft`, file);
}

/** Records of one shard that were read: the position moves over those at the beginning that are done with. */
export class Progress {
  private readonly open: { readonly position: string; isDone: boolean }[] = [];
  private passed: string | undefined;

  constructor(position?: string) {
    this.passed = position;
  }

  get position(): string | undefined {
    return this.passed;
  }

  get isIdle(): boolean {
    return this.open.length === 0;
  }

  /** Call the result when the record is done with. */
  add(position: string): () => void {
    const record = { position, isDone: false };
    this.open.push(record);
    return () => {
      record.isDone = true;
      let through = 0;
      while (this.open[through]?.isDone === true) through++;
      if (through > 0) this.passed = this.open.splice(0, through).at(-1)?.position;
    };
  }
}
