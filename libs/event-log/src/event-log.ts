/**
 * The event log port: one region's topic, all its partitions. The log is the truth of what was accepted.
 */

/** What a publisher of records hands over. */
export interface Draft {
  readonly partition: number;
  /** Of Kafka's message, for whoever reads the topic with tools of their own (tenant/session). It decides nothing here, and is not read back. */
  readonly key: string;
  readonly value: Uint8Array;
  /** Trace context and the like. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where a record now stands. */
export interface Position {
  readonly partition: number;
  readonly offset: number;
}

export interface LogRecord extends Omit<Draft, 'key'>, Position {
  /** Append time assigned by the log, ms since the epoch; never decreases within a partition. */
  readonly time: number;
  /** Leader epoch under which it was appended. */
  readonly epoch: number;
}

/** Offsets of one partition. */
export interface Extent {
  /** First offset that can be read: retention moves it up. */
  readonly start: number;
  /** One past the last offset. */
  readonly end: number;
}

/** Which incarnation of the topic this is: when it changes, offsets have started over. */
export interface Incarnation {
  readonly cluster: string;
  readonly topic: string;
  readonly partitions: number;
}

/**
 * What a member of a group does with its partitions. Calls for one partition never overlap, but for `revoked`, which
 * may come during `records`; and none comes for a partition between `revoked` and the next `assigned`.
 */
export interface Assignee {
  /** Answers, for each partition, the offset to read from. A rejection leaves the group. */
  assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /**
   * The partitions belong to someone else from now on (who may have started already). A `records` under way should
   * give up: leaving waits for it to settle.
   */
  revoked(partitions: readonly number[]): Promise<void>;
  /** Records in offset order without gaps. The next come when the promise resolves: that is the back-pressure. */
  records(partition: number, records: readonly LogRecord[]): Promise<void>;
  /** The member is out of the group for good: no call follows. `EventLogError`, or whatever one of the calls above rejected with. */
  failed(error: Error): void;
}

export interface Membership {
  /** Leaves the group; `revoked` is called first. Idempotent. */
  close(): Promise<void>;
}

/** Every method rejects with `EventLogError` only. */
export interface EventLog {
  describe(): Promise<Incarnation>;

  /**
   * Appends each record to its partition, in the order given within a partition, offsets dense from 0. Resolves when
   * all are durable, with their positions in the order given. On rejection any of them may be in the log, now or
   * later: the caller must not acknowledge, and may send again. Concurrent calls are grouped into few durable writes.
   */
  append(drafts: readonly Draft[]): Promise<readonly Position[]>;

  /** Of every partition, by its number. */
  extents(): Promise<readonly Extent[]>;

  /**
   * Up to `limit` records from `offset` on, without gaps; empty at the end. Below the start or beyond the end:
   * `log_out_of_range`.
   */
  read(partition: number, offset: number, limit: number): Promise<readonly LogRecord[]>;

  /** Joins the region's group of consumers: every partition is assigned to exactly one member (or soon will be). */
  join(assignee: Assignee): Promise<Membership>;

  /** Members that have not left fail with `log_closed`. Idempotent. */
  close(): Promise<void>;
}
