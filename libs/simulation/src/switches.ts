/**
 * The defences, each with a way to take it out. A switch replaces one part of the product by one that lacks the
 * defence; it exists only here. CI requires that every one of them is caught.
 */
import { decodeDelta, lastSegment, SessionState, type Cut, type Decision, type Entry, type Hash, type LogId, type Segment, type StreamId, type Touched } from '@meridian/accounting';
import { encodeJson, getAll, keys, parseDeltaSk, queryAll, type Boundaries, type Boundary, type EndsSample, type Ledger, type Page, type Row, type StoredRow, type VersionedRow } from '@meridian/ledger';
import {
  Allocator, checkFingerprint, copyOfCut, Folder, newestCopy, newestCut, Reacher, Resolver, RunAhead, takeOver,
  type AllocateParts, type AllocateSettings, type FoldedSession, type FoldParts, type FoldSettings, type FoldTarget, type ReachParts, type ResolveParts,
} from '@meridian/pipeline';
import { SimLedger, type SimTable } from './sim-ledger';
import type { SimTopic } from './sim-log';
import type { SimProcess } from './sim-process';

/** What a world is built from; a switch replaces some of it. */
export interface Parts {
  hash(hash: Hash): Hash;
  ledger(process: SimProcess, table: SimTable, region: string): Ledger;
  folder(parts: FoldParts, target: FoldTarget, settings: FoldSettings, topic: SimTopic): Folder;
  reacher(parts: ReachParts): Reacher;
  allocator(parts: AllocateParts, settings: AllocateSettings): Allocator;
  resolver(parts: ResolveParts): Resolver;
  takeOver(parts: Pick<AllocateParts, 'ledger' | 'control' | 'region'>, logs: readonly LogId[], writer: string): Promise<Cut>;
  readonly checkFingerprint: typeof checkFingerprint;
  /** Session totals are kept in counters that regions add to. */
  readonly hasCounters: boolean;
}

export const PRODUCT: Parts = {
  hash: (hash) => hash,
  ledger: (process, table, region) => new SimLedger(process, table, region),
  folder: (parts, target, settings) => new Folder(parts, target, settings),
  reacher: (parts) => new Reacher(parts),
  allocator: (parts, settings) => new Allocator(parts, settings),
  resolver: (parts) => new Resolver(parts),
  takeOver,
  checkFingerprint,
  hasCounters: false,
};

/** No identity: every time a record is read it is another event. */
function saltedHash(hash: Hash): Hash {
  let salt = 0;
  const isIdentity = /^\d+:/;
  return { bytes: (bytes) => hash.bytes(bytes), text: (text) => hash.text(isIdentity.test(text) ? `${text}${salt++}` : text) };
}

/** "Everything up to the last offset seen in this session is known", whatever log the offset is from. */
class FencedState extends SessionState {
  fence = -1;
  override classify(entry: Entry): Decision {
    return entry.offset <= this.fence ? { kind: 'duplicate', delta: this.lastDelta } : { kind: 'entry' };
  }
  override add(entry: Entry, delta: number): void {
    super.add(entry, delta);
    this.fence = Math.max(this.fence, entry.offset);
  }
}

class FencedFolder extends Folder {
  protected override async load(session: FoldedSession, first: Page): Promise<SessionState> {
    const state = (await super.load(session, first)) as FencedState;
    for (const entry of await foreignEntries(this, session)) state.fence = Math.max(state.fence, entry.offset);
    return state;
  }
  protected override newState(): SessionState {
    return new FencedState();
  }
  entriesOf(bytes: Uint8Array): Entry[] {
    return decodeDelta(bytes, this.shapes);
  }
  get place(): { readonly ledger: Ledger; readonly stream: StreamId } {
    return { ledger: this.parts.ledger, stream: this.stream };
  }
}

class ForeignFolder extends FencedFolder {
  protected override async load(session: FoldedSession, first: Page): Promise<SessionState> {
    const state = await Folder.prototype['load'].call(this, session, first);
    for (const entry of await foreignEntries(this, session)) state.add(entry, state.lastDelta);
    return state;
  }
  protected override newState(): SessionState {
    return new SessionState();
  }
}

async function foreignEntries(folder: FencedFolder, { pk }: FoldedSession): Promise<Entry[]> {
  const { ledger, stream } = folder.place;
  const entries: Entry[] = [];
  for await (const row of queryAll(ledger, pk, keys.allDeltas, { consistent: true })) {
    if (parseDeltaSk(row.sk).stream !== stream) entries.push(...folder.entriesOf(row.value));
  }
  return entries;
}

class OwnTouchedFolder extends Folder {
  protected override neededDelta(decision: Decision, written: number): number {
    return 'delta' in decision ? 0 : written;
  }
}

class OwnUsageFolder extends Folder {
  protected override countsAsEntry(decision: Decision): boolean {
    return decision.kind === 'entry' || decision.kind === 'conflict';
  }
}

class ForgetfulFolder extends Folder {
  protected override takeBack(): void {
    // Goes on with what it counted before.
  }
}

class NoFingerprintFolder extends Folder {
  protected override assertIntact(): Promise<void> {
    return Promise.resolve();
  }
}

class GroupOffsetFolder extends Folder {
  constructor(parts: FoldParts, target: FoldTarget, settings: FoldSettings, private readonly topic: SimTopic) {
    super(parts, target, settings);
  }
  override async open(): Promise<number> {
    await super.open();
    this.next = Math.max(this.next, this.topic.committed[this.target.partition] ?? 0);
    this.start = this.next;
    return this.next;
  }
}

class TrustingReacher extends Reacher {
  protected override missingDeltas(): Promise<number> {
    return Promise.resolve(0);
  }
}

class LastDeltaReacher extends Reacher {
  protected override async missingDeltas(stream: StreamId, touched: readonly Touched[]): Promise<number> {
    const rows = await getAll(this.parts.ledger, touched.map((one) => keys.delta(one.tenant, one.session, stream, one.delta)), { consistent: false });
    return rows.filter((row) => !row).length;
  }
}

class WriterBoundaryAllocator extends Allocator {
  protected override boundaryFor(segment: Segment, boundaries: ReadonlyMap<string, Boundaries>): Boundary | undefined {
    return boundaries.get(segment.writer)?.streams[segment.stream];
  }
}

class UndoubtingFolder extends Folder {
  protected override createRunAhead(): RunAhead {
    return new Undoubting(this.parts, this.stream);
  }
}

/** Goes on with a stream whatever a folder before left in it. */
class Undoubting extends RunAhead {
  override isDoubtful(): boolean {
    return false;
  }
}

/** Dates a sample by its clock alone. */
class TrustingAllocator extends Allocator {
  protected override dateOf(sample: EndsSample): number {
    return sample.sampledAt;
  }
}

class MultiStreamResolver extends Resolver {
  protected override mayHaveCorrection(at: { readonly streams: number }): boolean {
    return at.streams > 1;
  }
}

/** How long the impatient resolver waits for rows to arrive, ms. */
const PATIENCE_MS = 1_500;

class ImpatientResolver extends Resolver {
  private readonly seen = new Map<number, number>();
  protected override async nextReached(base: Cut): Promise<Cut | undefined> {
    const reached = await super.nextReached(base);
    const next = await copyOfCut(this.parts.ledger, base.k + 1);
    if (reached || !next) return reached;
    const now = this.parts.clock.now();
    const since = this.seen.get(next.k) ?? now;
    this.seen.set(next.k, since);
    return now - since >= PATIENCE_MS ? next : undefined;
  }
}

/** Goes to the newest cut it can in one step, past those between: two of them then aim at different cuts. */
class LeapingResolver extends Resolver {
  protected override async nextReached(base: Cut): Promise<Cut | undefined> {
    for (let k = (await newestCopy(this.parts.ledger)).k; k > base.k; k--) {
      const cut = await copyOfCut(this.parts.ledger, k);
      if (cut && this.parts.hasReached(cut)) return cut;
    }
    return undefined;
  }
}

class OverwritingLedger extends SimLedger {
  protected override isTaken(): boolean {
    return false;
  }
}

class UnversionedLedger extends SimLedger {
  protected override isStale(_stored: StoredRow, _row: VersionedRow): boolean {
    return false;
  }
}

/** Beside every delta, adds to a counter of the session: read, add, write, as if there were one replica. */
class CountingLedger extends SimLedger {
  override async insert(row: Row): Promise<'inserted' | 'exists'> {
    const answer = await super.insert(row);
    if (answer === 'exists' || !row.sk.startsWith('D#')) return answer;
    const key = { pk: `N#${row.pk}`, sk: '-' };
    const stored = await this.get(key, { consistent: true });
    const count = stored ? (JSON.parse(new TextDecoder().decode(stored.value)) as number) : 0;
    await this.replace({ ...key, version: 0, value: encodeJson(count + deltaCount(row.value)) });
    return answer;
  }
}

/** Entries of a delta: the varint at byte 2. */
function deltaCount(bytes: Uint8Array): number {
  const low = bytes[2] as number;
  return low < 0x80 ? low : (low & 0x7f) + (bytes[3] as number) * 128;
}

async function takeOverUnderOwnersStream(parts: Pick<AllocateParts, 'ledger' | 'control' | 'region'>, logs: readonly LogId[], writer: string): Promise<Cut> {
  const previous = await newestCut(parts.control);
  const next: Cut = {
    ...previous,
    k: previous.k + 1,
    logs: previous.logs.map((log) =>
      logs.includes(log.log) ? { ...log, segments: [...log.segments.slice(0, -1), { ...lastSegment(log), writer }] } : log,
    ),
  };
  if ((await parts.control.insert({ ...keys.controlCut(next.k), value: encodeJson(next) })) === 'exists') return takeOverUnderOwnersStream(parts, logs, writer);
  await parts.ledger.insert({ ...keys.cutCopy(next.k), value: encodeJson(next) });
  return next;
}

/** Every switch: its name, and the product without that defence. */
export const SWITCHES = {
  'no-identity': { ...PRODUCT, hash: saltedHash },
  'scalar-offset-fence': { ...PRODUCT, folder: (parts, target, settings) => new FencedFolder(parts, target, settings) },
  'skip-presence': { ...PRODUCT, reacher: (parts) => new TrustingReacher(parts) },
  'presence-of-last-delta': { ...PRODUCT, reacher: (parts) => new LastDeltaReacher(parts) },
  'touched-own-deltas': { ...PRODUCT, folder: (parts, target, settings) => new OwnTouchedFolder(parts, target, settings) },
  'usage-own-inserts': { ...PRODUCT, folder: (parts, target, settings) => new OwnUsageFolder(parts, target, settings) },
  'no-take-back': { ...PRODUCT, folder: (parts, target, settings) => new ForgetfulFolder(parts, target, settings) },
  'classify-across-streams': { ...PRODUCT, folder: (parts, target, settings) => new ForeignFolder(parts, target, settings) },
  'takeover-owners-stream': { ...PRODUCT, takeOver: takeOverUnderOwnersStream },
  'no-insert-if-absent': { ...PRODUCT, ledger: (process, table, region) => new OverwritingLedger(process, table, region) },
  'corrections-multi-stream-only': { ...PRODUCT, resolver: (parts) => new MultiStreamResolver(parts) },
  'boundaries-of-writer': { ...PRODUCT, allocator: (parts, settings) => new WriterBoundaryAllocator(parts, settings) },
  'no-new-stream': { ...PRODUCT, folder: (parts, target, settings) => new UndoubtingFolder(parts, target, settings) },
  'trust-every-clock': { ...PRODUCT, allocator: (parts, settings) => new TrustingAllocator(parts, settings) },
  'additive-counters': { ...PRODUCT, ledger: (process, table, region) => new CountingLedger(process, table, region), hasCounters: true },
  'trust-group-offset': { ...PRODUCT, folder: (parts, target, settings, topic) => new GroupOffsetFolder(parts, target, settings, topic) },
  'resolve-many-cuts': { ...PRODUCT, resolver: (parts) => new LeapingResolver(parts) },
  'final-by-time': { ...PRODUCT, resolver: (parts) => new ImpatientResolver(parts) },
  'no-fingerprint': { ...PRODUCT, checkFingerprint: () => Promise.resolve('same'), folder: (parts, target, settings) => new NoFingerprintFolder(parts, target, settings) },
  'unversioned-replace': { ...PRODUCT, ledger: (process, table, region) => new UnversionedLedger(process, table, region) },
} as const satisfies Readonly<Record<string, Parts>>;

export type SwitchName = keyof typeof SWITCHES;
