/**
 * Asks for totals while faults are at work, and judges each: never an event twice, never `final` without one that T
 * vouches for, never another value at the same cut. A region that does not answer is asked again later.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api';
import type { Findings } from './findings';
import { judge, Values, type Answer } from './judge';
import type { Load } from './load';
import type { Random } from './random';

export interface CheckerParts {
  readonly api: Api;
  readonly load: Load;
  readonly findings: Findings;
  readonly random: Random;
}

const ASK_EVERY_MS = 250;
/** Once in so many times the whole list is read. */
const LIST_EVERY = 40;
const VALUES_MAX = 100_000;
/** How many of each publisher's newest sessions are asked for: what is older does not change any more. */
const NEWEST = 50;

export class Checker {
  private readonly values = new Values(VALUES_MAX);
  /** How far T may be ahead of our clock, ms: while clocks are wrong on purpose. */
  slackMs = 0;
  answers = 0;
  finals = 0;

  constructor(private readonly parts: CheckerParts) {}

  /** Until it is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { api, random } = this.parts;
    for (let count = 1; !signal.aborted; count++) {
      const region = random.pick(api.regions);
      await (count % LIST_EVERY === 0 ? this.checkList(region) : this.checkOne(region)).catch(() => undefined);
      await sleep(ASK_EVERY_MS);
    }
  }

  /** The list's totals are of one month, in which all events of a run are. */
  see(answer: Answer): ReturnType<typeof judge> {
    const judgement = judge(answer, this.parts.load.eventsOf(answer.session), this.slackMs);
    const changed = this.values.see(answer);
    this.parts.findings.add(changed ? [...judgement.findings, changed] : judgement.findings);
    this.answers++;
    if (answer.isFinal) this.finals++;
    return judgement;
  }

  private async checkOne(region: string): Promise<void> {
    const { api, load, random } = this.parts;
    const sessions = load.newest(NEWEST);
    if (sessions.length === 0) return;
    const answer = await api.session(region, random.pick(sessions));
    if (answer) this.see(answer);
  }

  private async checkList(region: string): Promise<void> {
    for await (const page of this.parts.api.sessions(region)) page.forEach((answer) => this.see(answer));
  }
}
