/**
 * How far this region's replica has got: per stream, the last manifest that is present with everything it lists.
 * Presence is checked row by row; it never goes away again, so what was verified once stays verified.
 */
import {
  decodeManifest, EMPTY_CUT, logRanges, ownersSegment, MeridianError, Shapes,
  type Clock, type Cut, type Hash, type Manifest, type Segment, type StreamId, type Touched, type Wait,
} from '@meridian/accounting';
import { decodeJson, encodeJson, getAll, keys, queryAll, type Boundaries, type Boundary, type Ledger } from '@meridian/ledger';
import { newestCopy, resolvedThrough } from './cuts';
import type { Probe, WriterLag } from '../probe';
import { listLogs, type RegisteredLog } from './registry';

export interface ReachParts {
  /** This region's replica. */
  readonly ledger: Ledger;
  readonly control: Ledger;
  readonly region: string;
  readonly hash: Hash;
  readonly clock: Clock;
  readonly probe: Probe;
}

/**
 * Boundaries are published anew this often though they did not change: of two publishers the one whose clock is behind
 * may have lost at another replica, where the last writer by the clock wins. Found by the simulator.
 */
const REPUBLISH_MS = 30_000;
/** Between two publications at least: manifests of many logs come together, and one row tells of all of them. */
const PUBLISH_MS_MIN = 1_000;
/** Logs are registered a few times a year; a new one is followed this much later. */
const REGISTRY_MS = 1_000;
/** Sessions whose presence is remembered between manifests. */
const PRESENCE_MAX = 200_000;
/** Manifests read at a time. */
const MANIFEST_PAGE = 100;
/** Up to this many deltas are asked for one by one; more are counted by a range query. */
const DELTAS_ASKED_MAX = 50;

interface Pending {
  readonly manifests: number;
  /** When this target was first seen unreached, ms since the epoch. */
  readonly seenAt: number;
}

interface Follow {
  readonly segment: Segment;
  /** Where the segment ends, for one that is closed. */
  readonly to: number | undefined;
}

export class Reacher {
  private readonly shapes: Shapes;
  private readonly boundaries = new Map<StreamId, Boundary>();
  /** Per session and stream, up to which delta all are present. Of the last ones and of those before, which go together. */
  private present = new Map<string, number>();
  private presentBefore: ReadonlyMap<string, number> = new Map();
  private readonly pending = new Map<StreamId, { readonly writer: string; targets: Pending[]; missing: number }>();
  /** The newest cut seen to be reached, and newer ones that are not yet, oldest first. */
  private reached: Cut = EMPTY_CUT;
  private readonly unreached: Cut[] = [];
  private logs: readonly RegisteredLog[] = [];
  private isOpen = false;
  private isPublished = true;
  private publishedAt = 0;
  private registryReadAt = -Infinity;

  constructor(protected readonly parts: ReachParts) {
    this.shapes = new Shapes(parts.hash);
  }

  /** The last manifest of the stream that is present with all its deltas; undefined when the stream is not followed yet. */
  boundary(stream: StreamId): Boundary | undefined {
    return this.boundaries.get(stream);
  }

  /** The logs known here when the control table was last reached. */
  registered(): readonly RegisteredLog[] {
    return this.logs;
  }

  /** True when all manifests and deltas below the cut are present here. */
  hasReached(cut: Cut): boolean {
    return cut.logs.every((log) =>
      log.segments.every((segment) => segment.manifests === 0 || (this.boundaries.get(segment.stream)?.manifest ?? 0) >= segment.manifests),
    );
  }

  /** What newer cuts this replica has been waiting for longer than `graceMs`, by the region that wrote it. */
  waits(graceMs: number): Wait[] {
    const now = this.parts.clock.now();
    const waits = new Map<string, Wait>();
    for (const { writer, targets, missing } of this.pending.values()) {
      const oldest = targets[0]?.seenAt;
      if (oldest === undefined || now - oldest <= graceMs) continue;
      const known = waits.get(writer);
      waits.set(writer, {
        region: writer,
        missing: (known?.missing ?? 0) + missing,
        oldest: Math.min(known?.oldest ?? oldest, oldest),
      });
    }
    return [...waits.values()];
  }

  /** Looks once at every stream and publishes how far they are. */
  async step(): Promise<void> {
    await this.open();
    const cut = await newestCopy(this.parts.ledger);
    if (this.parts.clock.now() - this.registryReadAt >= REGISTRY_MS) await this.refreshLogs();
    for (const follow of await this.withMore(this.follows(cut))) if (await this.advance(follow)) this.isPublished = false;
    this.notePending(cut);
    this.noteReached(cut);
    // A clock that was set back says nothing of how long ago it was: then at once.
    const sinceMs = Math.abs(this.parts.clock.now() - this.publishedAt);
    if (sinceMs >= (this.isPublished ? REPUBLISH_MS : PUBLISH_MS_MIN)) await this.publish();
    const waitingFor = [...this.pending.values()].filter(({ targets }) => targets.length > 0).length;
    this.parts.probe.reached({
      k: cut.k, asOf: cut.asOf, lagging: cut.lagging.length, reachedAsOf: this.reached.asOf, waitingFor, writers: this.writerLags(),
    });
  }

  /** How many of the deltas that the manifest's sessions need are not present. */
  protected async missingDeltas(stream: StreamId, touched: readonly Touched[]): Promise<number> {
    const { ledger } = this.parts;
    const wanted: { readonly key: string; readonly one: Touched; readonly from: number }[] = [];
    for (const one of touched) {
      const key = `${one.tenant}/${one.session}/${stream}`;
      const from = (this.present.get(key) ?? this.presentBefore.get(key) ?? 0) + 1;
      if (from <= one.delta) wanted.push({ key, one, from });
    }
    const few = wanted.filter(({ one, from }) => one.delta - from < DELTAS_ASKED_MAX);
    const asked = few.flatMap(({ key, one, from }) =>
      Array.from({ length: one.delta - from + 1 }, (_, i) => ({ session: key, row: keys.delta(one.tenant, one.session, stream, from + i) })),
    );
    const found = await getAll(ledger, asked.map(({ row }) => row), { consistent: false });
    const incomplete = new Set<string>();
    let missing = 0;
    asked.forEach(({ session }, i) => {
      if (found[i]) return;
      missing++;
      incomplete.add(session);
    });
    for (const { key, one, from } of wanted) {
      if (one.delta - from < DELTAS_ASKED_MAX) continue;
      let count = 0;
      const range = keys.deltaRange(stream, from, one.delta);
      for await (const row of queryAll(ledger, keys.sessionPk(one.tenant, one.session), range, { consistent: false })) if (row.sk) count++;
      const lacking = one.delta - from + 1 - count;
      missing += lacking;
      if (lacking > 0) incomplete.add(key);
    }
    for (const { key, one } of wanted) if (!incomplete.has(key)) this.remember(key, one.delta);
    return missing;
  }

  /** In two generations: to delete the oldest of a large map, one by one, would pass over all that were deleted before. */
  private remember(key: string, delta: number): void {
    this.present.set(key, delta);
    if (this.present.size * 2 < PRESENCE_MAX) return;
    this.presentBefore = this.present;
    this.present = new Map();
  }

  /** Starts from what this region published before: presence does not go away. */
  private async open(): Promise<void> {
    if (this.isOpen) return;
    const { ledger, region } = this.parts;
    this.reached = await resolvedThrough(ledger, region);
    const row = await ledger.get(keys.boundaries(region), { consistent: true });
    if (row) {
      const { streams } = decodeJson<Boundaries>(row.value);
      for (const [stream, boundary] of Object.entries(streams)) this.boundaries.set(stream as StreamId, boundary);
    }
    this.isOpen = true;
  }

  /** Without the control table what is known must do: being behind is never wrong. */
  private async refreshLogs(): Promise<void> {
    try {
      this.logs = await listLogs(this.parts.control);
      this.registryReadAt = this.parts.clock.now();
    } catch (error) {
      if (!(error instanceof MeridianError) || !error.retryable) throw error;
      this.parts.probe.retrying({ what: 'registry', error, afterMs: 0 });
    }
  }

  private follows(cut: Cut): Follow[] {
    const follows: Follow[] = [];
    for (const log of cut.logs) {
      const ranges = logRanges(log);
      log.segments.forEach((segment, i) => {
        const isLast = i === log.segments.length - 1;
        follows.push({ segment, to: isLast ? undefined : ranges[i]?.to });
      });
    }
    const inCut = new Set(cut.logs.map(({ log }) => log));
    for (const { log, start, region } of this.logs) {
      if (!inCut.has(log)) follows.push({ segment: ownersSegment(log, start, region), to: undefined });
    }
    return follows;
  }

  /** Those streams of which the next manifest is here: most have none most of the time, and one read tells of a hundred. */
  private async withMore(follows: readonly Follow[]): Promise<Follow[]> {
    const open = follows.filter(({ segment: { stream, from }, to }) => {
      if (!this.boundaries.has(stream)) this.boundaries.set(stream, startOf(from));
      const waiting = this.pending.get(stream);
      if (waiting) waiting.missing = 0;
      return to === undefined || (this.boundaries.get(stream) as Boundary).end < to;
    });
    const wanted = open.map(({ segment: { stream } }) => keys.manifest(stream, (this.boundaries.get(stream) as Boundary).manifest + 1));
    const found = await getAll(this.parts.ledger, wanted, { consistent: false });
    return open.filter((_, i) => found[i] !== undefined);
  }

  /** Moves the stream's boundary over every further manifest that is complete here; answers whether it moved. */
  private async advance({ segment, to }: Follow): Promise<boolean> {
    const { stream } = segment;
    const before = this.boundaries.get(stream) as Boundary;
    let boundary = before;
    for (;;) {
      if (to !== undefined && boundary.end >= to) break;
      const range = { from: keys.manifestSk(boundary.manifest + 1), limit: MANIFEST_PAGE };
      const page = await this.parts.ledger.query(keys.manifestPk(stream), range, { consistent: false });
      const reached = await this.passManifests(stream, boundary, page.rows);
      const isStuck = reached.manifest < boundary.manifest + page.rows.length;
      boundary = reached;
      if (isStuck || page.next === undefined) break;
    }
    this.boundaries.set(stream, boundary);
    return boundary.manifest !== before.manifest;
  }

  private async passManifests(stream: StreamId, start: Boundary, rows: readonly { readonly sk: string; readonly value: Uint8Array }[]): Promise<Boundary> {
    let boundary = start;
    for (const row of rows) {
      // A manifest that is not the next one: the one between is not here yet.
      if (row.sk !== keys.manifestSk(boundary.manifest + 1)) return boundary;
      const manifest = decodeManifest(row.value, this.shapes);
      const missing = manifest.start === boundary.end ? await this.missingDeltas(stream, manifest.touched) : 1;
      if (missing > 0) {
        const waiting = this.pending.get(stream);
        if (waiting) waiting.missing = missing;
        return boundary;
      }
      boundary = { manifest: boundary.manifest + 1, end: manifest.end, counts: addCounts(boundary, manifest) };
    }
    return boundary;
  }

  /** Notes which streams are short of the newest cut known here, and since when. */
  private notePending(cut: Cut): void {
    const now = this.parts.clock.now();
    for (const log of cut.logs) {
      for (const { stream, writer, manifests } of log.segments) {
        const at = this.boundaries.get(stream)?.manifest ?? 0;
        const known = this.pending.get(stream) ?? { writer, targets: [], missing: 0 };
        known.targets = known.targets.filter((target) => target.manifests > at);
        if (manifests > at && manifests > (known.targets.at(-1)?.manifests ?? 0)) known.targets.push({ manifests, seenAt: now });
        // Only the oldest and the newest matter.
        if (known.targets.length > PENDING_MAX) known.targets.splice(1, known.targets.length - 2);
        known.missing = Math.max(known.missing, manifests - at, 0);
        this.pending.set(stream, known);
      }
    }
  }

  /** Cuts come faster than rows replicate: the newest that is reached may be many behind the newest. */
  private noteReached(cut: Cut): void {
    const { unreached } = this;
    if (cut.k > (unreached.at(-1) ?? this.reached).k) unreached.push(cut);
    for (let next = unreached[0]; next && this.hasReached(next); next = unreached[0]) {
      this.reached = next;
      unreached.shift();
    }
    if (unreached.length > PENDING_MAX) unreached.splice(1, 1);
  }

  private writerLags(): WriterLag[] {
    const waits = new Map(this.waits(Number.NEGATIVE_INFINITY).map((wait) => [wait.region, wait]));
    const writers = new Set([...this.pending.values()].map(({ writer }) => writer));
    return [...writers].map((writer) => ({ writer, missing: waits.get(writer)?.missing ?? 0, since: waits.get(writer)?.oldest }));
  }

  private async publish(): Promise<void> {
    const streams: Record<StreamId, Boundary> = {};
    let version = 0;
    for (const [stream, boundary] of this.boundaries) {
      streams[stream] = boundary;
      version += boundary.manifest;
    }
    const value: Boundaries = { streams };
    const { ledger, region, clock } = this.parts;
    await ledger.replace({ ...keys.boundaries(region), version, value: encodeJson(value) });
    this.isPublished = true;
    this.publishedAt = clock.now();
  }
}

const PENDING_MAX = 100;

function startOf(from: number): Boundary {
  return { manifest: 0, end: from, counts: { entries: 0, duplicates: 0, quarantined: 0 } };
}

function addCounts({ counts }: Boundary, manifest: Manifest): Boundary['counts'] {
  return {
    entries: counts.entries + manifest.counts.entries,
    duplicates: counts.duplicates + manifest.counts.duplicates,
    quarantined: counts.quarantined + manifest.counts.quarantined,
  };
}
