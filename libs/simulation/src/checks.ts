/**
 * What must hold, whatever happened: every answer of a region at the cut it resolved equals the oracle's at the same
 * offsets, and what is called final misses nothing that was acknowledged before its T.
 */
import { type Cut, type Hash, type UsageLine } from '@meridian/accounting';
import { Reader, resolvedThrough, type Reacher } from '@meridian/pipeline';
import { sumText, textOf, type OracleLine, type Vector } from './oracle';
import type { World } from './world';

/** Failures kept per run: the first tell the story. */
const FAILURES_MAX = 5;
const HOUR_MS = 3_600_000;
/** Everything a world can be dated in. */
const HOURS_BACK = 24 * 60;
const HOURS_AHEAD = 24;

export class Checks {
  cutsChecked = 0;
  provisional = 0;
  usageRows = 0;
  private readonly vectors = new Map<number, string>();
  private readonly checked = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly hash: Hash,
  ) {
    world.onResolved = (region, k, reacher) => {
      // Two reconcilers of a region resolve the same cut: once is enough.
      if (this.checked.has(`${region} ${k}`)) return;
      this.checked.add(`${region} ${k}`);
      void this.check(region, reacher).catch((error: unknown) => this.fail(`${region}: ${String(error)}`));
    };
  }

  /** Compares everything the region says at its resolved cut. */
  async check(region: string, reacher: Reacher): Promise<Cut> {
    const { world } = this;
    const ledger = world.table.replica(region);
    const cut = await resolvedThrough(ledger, region);
    const vector: Vector = new Map(cut.logs.map(({ log, offset }) => [log, offset]));
    const lines = world.oracle.counted(vector);
    const reader = new Reader({ ledger, region, hash: world.parts.hash(this.hash), reacher });
    this.cutsChecked++;
    this.sameVector(cut);
    await this.sessions(reader, lines, cut);
    await this.usage(reader, lines, cut);
    const { claim } = await reader.coverage();
    if (claim.status !== 'final') this.provisional++;
    else for (const { name } of world.oracle.missing(vector, cut.asOf - world.tSlackMs)) this.fail(`${region} cut ${cut.k}: final, but ${name} was acknowledged before T and is missing`);
    return cut;
  }

  /** After everything healed: nothing acknowledged is missing anywhere, every region is at a complete cut. */
  async settled(): Promise<string | undefined> {
    const { world } = this;
    for (const region of world.regions) {
      if (world.destroyed.has(region)) continue;
      const cut = await resolvedThrough(world.table.replica(region), region);
      const vector = new Map<string, number>(cut.logs.map(({ log, offset }) => [log, offset]));
      if (cut.lagging.length > 0) return `${region} cut ${cut.k}: ${JSON.stringify(cut.lagging)}`;
      const missing = world.oracle.missing(vector, Infinity);
      if (missing.length > 0) return `${region} cut ${cut.k}: ${missing.length} acknowledged events are missing, first ${(missing[0] as { readonly name: string }).name}`;
    }
    return undefined;
  }

  /** The additive counters, where a switch has them: what regions added up, against the oracle. */
  async counters(): Promise<void> {
    const { world } = this;
    for (const region of world.regions.filter((one) => !world.destroyed.has(one))) {
      const ledger = world.table.replica(region);
      const cut = await resolvedThrough(ledger, region);
      const present = world.oracle.present(new Map(cut.logs.map(({ log, offset }) => [log, offset])));
      let counted = 0;
      for (const row of ledger.all()) if (row.pk.startsWith('N#')) counted += JSON.parse(new TextDecoder().decode(row.value)) as number;
      if (counted !== present.size) this.fail(`${region}: counters say ${counted}, ${present.size} events are there`);
    }
  }

  private sameVector(cut: Cut): void {
    const text = JSON.stringify(cut.logs.map(({ log, offset }) => [log, offset]));
    const known = this.vectors.get(cut.k);
    if (known !== undefined && known !== text) this.fail(`cut ${cut.k} is not the same everywhere`);
    this.vectors.set(cut.k, text);
  }

  private async sessions(reader: Reader, lines: readonly OracleLine[], cut: Cut): Promise<void> {
    const expected = sumText(lines, ({ tenant, session }) => `${tenant}/${session}`);
    const names = new Set(this.world.oracle.sent.map(({ name }) => (JSON.parse(name) as string[]).slice(0, 2).join('/')));
    for (const name of names) {
      const [tenant, session] = name.split('/') as [string, string];
      const answer = await reader.session(tenant, session, { live: false });
      const actual = answer ? textOf(new Map<string, number | bigint>([['events', answer.events], ...Object.entries(answer.tokens)])) : '';
      this.compare(`cut ${cut.k} session ${name}`, actual, expected.get(name) ?? '');
    }
  }

  private async usage(reader: Reader, lines: readonly OracleLine[], cut: Cut): Promise<void> {
    const now = Math.floor(this.world.scheduler.now / HOUR_MS);
    const usageName = (hour: number, region: string, model: string): string => `${hour} ${region} ${model}`;
    for (const tenant of new Set(lines.map((line) => line.tenant))) {
      const own = lines.filter((line) => line.tenant === tenant);
      const expected = sumText(own, ({ hour, region, model }) => usageName(hour, region, model));
      const answer = await reader.usage(tenant, now - HOURS_BACK, now + HOURS_AHEAD);
      const actual = new Map(answer.lines.map((line) => [usageName(line.hour, line.region, line.dimensions.model), lineText(line)]));
      this.usageRows += actual.size;
      for (const name of new Set([...expected.keys(), ...actual.keys()])) {
        this.compare(`cut ${cut.k} usage ${tenant} ${name}`, actual.get(name) ?? '', expected.get(name) ?? '');
      }
      await this.periods(reader, tenant, own, cut);
    }
  }

  private async periods(reader: Reader, tenant: string, lines: readonly OracleLine[], cut: Cut): Promise<void> {
    const expected = sumText(lines, ({ hour, session }) => `${new Date(hour * HOUR_MS).toISOString().slice(0, 7)} ${session}`);
    for (const period of ['2026-01', '2026-02']) {
      const { sessions } = await reader.sessions(tenant, period, undefined, 1_000);
      const actual = new Map(sessions.map(({ session, events, tokens }) => [`${period} ${session}`, textOf(new Map<string, number | bigint>([['events', events], ...Object.entries(tokens)]))]));
      for (const name of new Set([...[...expected.keys()].filter((one) => one.startsWith(period)), ...actual.keys()])) {
        this.compare(`cut ${cut.k} settled ${tenant} ${name}`, actual.get(name) ?? '', expected.get(name) ?? '');
      }
    }
  }

  private compare(what: string, actual: string, expected: string): void {
    if (actual !== expected) this.fail(`${what}: said [${actual}], is [${expected}]`);
  }

  private fail(failure: string): void {
    if (this.world.failures.length < FAILURES_MAX) this.world.failures.push(failure);
  }
}

function lineText(line: UsageLine): string {
  return textOf(new Map<string, number | bigint>([['events', line.events], ...Object.entries(line.tokens)]));
}
