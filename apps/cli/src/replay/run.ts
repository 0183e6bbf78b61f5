/**
 * One replay: the rows of a file as events over HTTP to several regions, with roaming sessions, lost acknowledgements
 * and crashes on the way; then the wait for the cut; then the comparison with the file.
 */
import type { Clock, Random } from '@meridian/accounting';
import type { CoverageJson } from '../api';
import { CliError } from '../errors';
import { startProgress } from '../progress';
import { readConversation, type Conversation, type ConversationRow } from './conversation';
import { planCrashes, RoamPlan } from './plan';
import { Sender, type SentEvent } from './sender';
import { settle, type Settlement } from './settle';
import { differences } from './verdict';
import type { Range } from './view';
import type { World } from './world';

export interface RunOptions {
  readonly file: string;
  readonly tenant: string;
  readonly roam: number;
  readonly resend: number;
  readonly crashes: number;
  /** How long nothing may move after the last acknowledgement. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Seeded, each for one purpose: what one draws must not move the other. */
  readonly random: { readonly roam: Random; readonly crash: Random; readonly backoff: Random };
}

export interface Run {
  readonly conversation: Conversation;
  readonly sender: Pick<Sender, 'sent' | 'accepted'>;
  /** Crashes by region. */
  readonly crashes: ReadonlyMap<string, number>;
  /** As the first region saw the logs before and after. */
  readonly before: CoverageJson;
  readonly settlement: Settlement;
  /** What is not as the file says, by region. */
  readonly differences: ReadonlyMap<string, readonly string[]>;
  readonly writesPerEvent: number | null;
  /** From the first event on. */
  readonly seconds: number;
}

const SOURCE = 'replay';
const PROVIDER = 'openai';
const MODEL = 'gpt-4o-mini';
const HOUR_MS = 3_600_000;

export async function run(world: World, conversation: Conversation, options: RunOptions): Promise<Run> {
  const { clock, tenant, signal } = options;
  const [reader] = world.readers.values();
  if (!reader) throw new CliError('usage', 'there is no region to read');
  const before = await reader.get<CoverageJson>('/v1/coverage');
  const began = clock.now();
  // The last row happens now: nothing is dated ahead.
  const base = began - conversation.lastOffsetMs;
  const writesBefore = world.writes?.() ?? 0;
  const { sender, crashes } = await send(world, conversation, { ...options, base });
  const range = hoursOf(base + conversation.firstOffsetMs, began);
  const settlement = await settle({ readers: world.readers, through: sender.through, tenant, range, deadlineMs: options.deadlineMs, clock, signal });
  const accepted = [...sender.accepted.values()].reduce((sum, events) => sum + events, 0);
  return {
    conversation, sender, crashes, before, settlement,
    differences: new Map(settlement.views.map((view) => [view.region, differences(conversation, view)])),
    writesPerEvent: world.writes ? (world.writes() - writesBefore) / accepted : null,
    seconds: (clock.now() - began) / 1_000,
  };
}

interface Sent {
  readonly sender: Sender;
  readonly crashes: ReadonlyMap<string, number>;
}

async function send(world: World, conversation: Conversation, options: RunOptions & { readonly base: number }): Promise<Sent> {
  const { regions } = world;
  const { file, clock, random, roam, resend, base, signal } = options;
  const plan = new RoamPlan({ regions, roam, resend }, random.roam);
  const ahead = planCrashes(options.crashes, { regions, events: conversation.rows }, random.crash);
  const crashes = new Map<string, number>();
  const crashing: Promise<void>[] = [];
  let crashFailure: { readonly error: unknown } | undefined;
  const progress = startProgress('sending', conversation.rows);
  let acknowledged = 0;
  const onAcknowledged = (events: number): void => {
    acknowledged += events;
    progress.update(Math.min(acknowledged, conversation.rows));
    for (let next = ahead[0]; next && acknowledged >= next.afterEvents; next = ahead[0]) {
      ahead.shift();
      crashes.set(next.region, (crashes.get(next.region) ?? 0) + 1);
      if (world.crash) crashing.push(world.crash(next.region).catch((error: unknown) => void (crashFailure ??= { error })));
    }
  };
  const sender = new Sender({ clients: world.ingest, clock, random: random.backoff, signal, onAcknowledged });
  try {
    for await (const row of readConversation(file)) {
      const { region, resendTo } = plan.next(row.session);
      await sender.add(region, { event: eventOf(row, base), resendTo });
    }
    await sender.drain();
  } finally {
    progress.stop();
    await Promise.all(crashing);
  }
  if (crashFailure) throw crashFailure.error;
  return { sender, crashes };
}

export function eventOf({ number, session, offsetMs, inputTokens, cachedInputTokens, outputTokens }: ConversationRow, base: number): SentEvent {
  return {
    specversion: '1.0', type: 'meridian.usage.v1', source: SOURCE, id: `row-${number}`, subject: session, time: new Date(base + offsetMs).toISOString(),
    data: { provider: PROVIDER, model: MODEL, tokens: { input: inputTokens - cachedInputTokens, cacheRead: cachedInputTokens, output: outputTokens } },
  };
}

function hoursOf(first: number, last: number): Range {
  return { from: Math.floor(first / HOUR_MS) * HOUR_MS, to: (Math.floor(last / HOUR_MS) + 1) * HOUR_MS };
}
