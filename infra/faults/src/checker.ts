/**
 * Asks every region for totals while faults are at work, and judges each: never an event twice, never `final` without one
 * that T vouches for, never another value at the same cut. What a region does not know is judged as a total of nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TENANTS, type Api, type Claim } from './api';
import { FaultsError } from './errors';
import type { SessionRef } from './event';
import type { Findings } from './findings';
import { judge, nothing, Values, type Answer, type Judgement } from './judge';
import type { Load } from './load';
import type { Random } from './random';

export interface CheckerParts {
  readonly api: Api;
  readonly load: Load;
  readonly findings: Findings;
  readonly random: Random;
}

/** What was asked while a fault was at work, in all its rounds: what its zeros stand on. */
export interface Evidence {
  /** Totals that were judged, and how many of them were called final. */
  readonly answers: number;
  readonly finals: number;
  /** Of sessions that had been judged at the same cut before, so that the two are compared. */
  readonly repeats: number;
  /** Requests that were not answered, or with an error. */
  readonly unanswered: number;
  /** The most that was taken off T before it was judged by, and events that are not falsely final for that alone. */
  readonly slackMs: number;
  readonly excused: number;
}

const NONE: Evidence = { answers: 0, finals: 0, repeats: 0, unanswered: 0, slackMs: 0, excused: 0 };
/** In each region. */
const ASK_EVERY_MS = 250;
/** Once in so many times a tenant's whole list is read. */
const LIST_EVERY = 120;
const VALUES_MAX = 100_000;
/** How many of each publisher's newest sessions are asked for: what is older does not change any more. */
const NEWEST = 50;
/** So long, every other time, all regions are asked for one session: so that it is met at a cut again, and elsewhere. */
const SAME_MS = 2_000;

export class Checker {
  private readonly values = new Values(VALUES_MAX);
  private readonly evidence = new Map<string, Evidence>();
  /** The fault that is at work. */
  private fault: string | undefined;
  private answersBefore = 0;
  private same: { readonly session: SessionRef; readonly until: number } | undefined;
  /** How far T may be ahead of our clock, ms: while clocks are wrong on purpose. */
  slackMs = 0;

  constructor(private readonly parts: CheckerParts) {}

  /** Until it is aborted. Rejects for what is no fault's doing: an answer that cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    const { regions } = this.parts.api;
    // They do not read lists at the same time.
    await Promise.all(regions.map((region, at) => this.ask(region, Math.round((at * LIST_EVERY) / regions.length), signal)));
  }

  /** What is asked from now on is evidence for that fault. */
  watch(fault: string): void {
    this.fault = fault;
    this.answersBefore = this.evidenceFor(fault).answers;
  }

  /** The fault is over: what its evidence lacks, if anything. */
  rest(): readonly string[] {
    const { fault, answersBefore } = this;
    this.fault = undefined;
    return fault !== undefined && this.evidenceFor(fault).answers === answersBefore ? ['no total could be judged while it was at work'] : [];
  }

  evidenceFor(fault: string): Evidence {
    return this.evidence.get(fault) ?? NONE;
  }

  /** Totals that were judged while any fault was at work. */
  get answers(): number {
    return [...this.evidence.values()].reduce((sum, { answers }) => sum + answers, 0);
  }

  get finals(): number {
    return [...this.evidence.values()].reduce((sum, { finals }) => sum + finals, 0);
  }

  /** A total's tokens are of one month, in which all events of a run are. */
  see(answer: Answer): Judgement & { readonly isRepeat: boolean } {
    const { load, findings } = this.parts;
    const judgement = judge(answer, load.eventsOf(answer), this.slackMs);
    const { isRepeat, changed } = this.values.see(answer);
    findings.add(changed ? [...judgement.findings, changed] : judgement.findings);
    return { ...judgement, isRepeat };
  }

  private async ask(region: string, first: number, signal: AbortSignal): Promise<void> {
    for (let count = first; !signal.aborted; count++) {
      await (count % LIST_EVERY === LIST_EVERY - 1 ? this.checkList(region, count) : this.checkOne(region, count % 2 === 0)).catch((error: unknown) => {
        if (!(error instanceof FaultsError) || error.code !== 'faults_no_answer') throw error;
        this.count({ unanswered: 1 });
      });
      await sleep(ASK_EVERY_MS);
    }
  }

  private async checkOne(region: string, isSame: boolean): Promise<void> {
    const { api, load, random } = this.parts;
    const sessions = load.newest(NEWEST);
    if (sessions.length === 0) return;
    const session = isSame ? this.sameOf(sessions) : random.pick(sessions);
    this.seeAtWork((await api.session(region, session)) ?? (await this.unknown(region, session)));
  }

  /** Claimed first and asked for after, so that the answer is at the cut of the claim or a later one. */
  private async unknown(region: string, session: SessionRef): Promise<Answer> {
    const claim = await this.parts.api.claim(region);
    return (await this.parts.api.session(region, session)) ?? nothing(region, session, claim);
  }

  private async checkList(region: string, count: number): Promise<void> {
    const { api, load } = this.parts;
    const tenant = TENANTS[Math.floor(count / LIST_EVERY) % TENANTS.length] as string;
    for await (const answer of totals(api, { region, tenant }, load.sessionsOf(tenant))) this.seeAtWork(answer);
  }

  private seeAtWork(answer: Answer): void {
    const { isRepeat, excused } = this.see(answer);
    this.count({ answers: 1, finals: Number(answer.isFinal), repeats: Number(isRepeat), excused: this.parts.findings.excuse(excused) });
  }

  private count({ answers = 0, finals = 0, repeats = 0, unanswered = 0, excused = 0 }: Partial<Evidence>): void {
    if (this.fault === undefined) return;
    const past = this.evidenceFor(this.fault);
    this.evidence.set(this.fault, {
      answers: past.answers + answers, finals: past.finals + finals, repeats: past.repeats + repeats, unanswered: past.unanswered + unanswered,
      slackMs: Math.max(past.slackMs, this.slackMs), excused: past.excused + excused,
    });
  }

  private sameOf(sessions: readonly SessionRef[]): SessionRef {
    if (!this.same || Date.now() >= this.same.until) this.same = { session: this.parts.random.pick(sessions), until: Date.now() + SAME_MS };
    return this.same.session;
  }
}

/**
 * Every total that a region lists of a tenant, and a total of nothing for each of `sessions` that it does not list, by what
 * the first page claims: what is not on the pages from there on was in none of their cuts.
 */
export async function* totals(api: Api, { region, tenant }: { readonly region: string; readonly tenant: string }, sessions: Iterable<string>): AsyncGenerator<Answer> {
  const left = new Set(sessions);
  let first: Claim | undefined;
  for await (const { claim, answers } of api.sessions(region, tenant)) {
    first ??= claim;
    for (const answer of answers) {
      left.delete(answer.session);
      yield answer;
    }
  }
  for (const session of left) if (first) yield nothing(region, { tenant, session }, first);
}
