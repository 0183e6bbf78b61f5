/**
 * Questions to the log that are answered at once: what it is, where it ends, the records at an offset. One link for all.
 * The cluster that answers first is the only one that is believed afterwards.
 */
import type { Clock } from '@meridian/accounting';
import type { Extent, Incarnation, LogRecord } from '@meridian/event-log';
import { isType } from './errors';
import { fetchRecords } from './fetch';
import { Link, type LinkOptions } from './link';
import { patiently } from './patience';

/** How long a question may take with its retries: longer than an election of a leader. */
const DEADLINE_MS = 10_000;
const READ_BYTES = 1024 * 1024;

export interface ReaderOptions extends LinkOptions {
  readonly topic: string;
  readonly clock: Clock;
}

export class Reader {
  private link: Link | undefined;
  private clusterId: string | undefined;
  private readonly closed = new AbortController();

  constructor(private readonly options: ReaderOptions) {}

  describe(deadlineMs = DEADLINE_MS): Promise<Incarnation> {
    return this.ask('describing the topic', async (link) => {
      const incarnation = await link.describe();
      this.clusterId ??= incarnation.cluster;
      return incarnation;
    }, deadlineMs);
  }

  extents(partitions: number): Promise<Extent[]> {
    return this.ask('asking for offsets', (link) => link.extents(partitions));
  }

  topicConfig(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.ask("reading the topic's configuration", (link) => link.topicConfig(names));
  }

  read(partition: number, offset: number, limit: number): Promise<readonly LogRecord[]> {
    // One record, as a fingerprint needs: the broker answers its batch and no more.
    const bytesMax = limit > 1 ? READ_BYTES : 1;
    return this.ask(`reading ${partition}:${offset}`, async (link) => {
      const records = await fetchRecords(link, { topic: this.options.topic, partition, offset, bytesMax, waitMs: 0 });
      return records.slice(0, Math.max(0, limit));
    });
  }

  close(): void {
    this.closed.abort();
    this.link?.close();
  }

  private ask<T>(doing: string, question: (link: Link) => Promise<T>, deadlineMs = DEADLINE_MS): Promise<T> {
    const { clock, topic } = this.options;
    return patiently({ clock, doing, deadlineMs, signal: this.closed.signal }, async () => {
      const link = (this.link ??= new Link({ ...this.options, ...(this.clusterId !== undefined && { clusterId: this.clusterId }) }, topic));
      try {
        return await question(link);
      } catch (error) {
        // An answer like any other, and others wait for theirs.
        if (isType(error, 'OFFSET_OUT_OF_RANGE')) throw error;
        link.close();
        if (this.link === link) this.link = undefined;
        throw error;
      }
    });
  }
}
