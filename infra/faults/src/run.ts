/**
 * A run: the stack up, publishers and checker at work, one fault after the other, all compared after each. Whatever
 * happens, nothing of it is left: no process, no mount, no directory.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { REGIONS_DEFAULT, Stack } from '@meridian/local';
import { Api } from './api';
import { round } from './catalogue';
import { Checker, type Evidence } from './checker';
import { conditionsOf, SESSION_TIMEOUT, type Conditions } from './conditions';
import { listening, ordersIn } from './dynamodb-order';
import { FaultsError } from './errors';
import type { Fault, World } from './fault';
import { difference, Findings, type Counts } from './findings';
import { Fronts } from './fronts';
import { makeHome, removeHome, STACK } from './home';
import { Load } from './load';
import { Processes } from './processes';
import { Random } from './random';
import { settle, type SettleParts } from './settle';

export interface RunOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly eventsPerSecond: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface FaultReport extends Counts {
  readonly what: string;
  /** How often it was seen to happen: an attempt that failed is a problem, and not counted. */
  readonly injected: number;
  readonly sent: number;
  /** What was judged while it was at work. */
  readonly meanwhile: Evidence;
  /** The longest; null when it was not exact again in time. */
  readonly secondsToExact: number | null;
}

export interface Report extends Counts, Conditions {
  readonly minutes: number;
  readonly seed: number;
  readonly sent: number;
  readonly acknowledged: number;
  /** What was asked while faults were at work, and how much of it was called final. */
  readonly answers: number;
  readonly finals: number;
  readonly faults: Readonly<Record<string, FaultReport>>;
  /** What did not go as it should beside totals. */
  readonly problems: readonly string[];
  readonly date: string;
}

const MINUTE_MS = 60_000;
/** Load before a fault and after the comparison before it, ms. */
const LOAD_MS = 2_000;

export async function run(options: RunOptions): Promise<Report> {
  const directory = await makeHome();
  const undo: (() => Promise<void>)[] = [() => removeHome(directory)];
  try {
    return await inDirectory(directory, options, (step) => undo.push(step));
  } finally {
    for (let step = undo.pop(); step; step = undo.pop()) await step().catch((error: unknown) => options.say(`at the end: ${(error as Error).message}`));
  }
}

async function inDirectory(directory: string, options: RunOptions, atEnd: World['atEnd']): Promise<Report> {
  const { say, seed, signal } = options;
  const fronts = await Fronts.open(REGIONS_DEFAULT);
  atEnd(() => fronts.close());
  // Of all services: they have our variables.
  process.env[SESSION_TIMEOUT.name] = String(SESSION_TIMEOUT.ms);
  const stack = new Stack(join(directory, STACK));
  Object.assign(process.env, await listening(ordersIn(stack.directory)));
  atEnd(() => stack.down());
  const status = await stack.up({ apps: true, regions: REGIONS_DEFAULT, ports: fronts.ports, say });
  const conditions = await conditionsOf(status, options.eventsPerSecond);
  signal.throwIfAborted();

  const problems: string[] = [];
  const problem = (text: string): void => {
    problems.push(text);
    say(`PROBLEM ${text}`);
  };
  const findings = new Findings(say);
  const urls = { ...(await fronts.stand({ ingest: status.ingest ?? {}, reconciliation: status.reconciliation ?? {} })), key: status.key ?? '' };
  const api = new Api(urls, new Date().toISOString());
  const load = await Load.start({ directory: join(directory, 'journals'), api, seed, eventsPerSecond: options.eventsPerSecond, onRefused: problem });
  atEnd(() => load.stop());
  const checker = new Checker({ api, load, findings, random: new Random(seed + 1_000) });
  const processes = new Processes(stack, say);
  const stopping = new AbortController();
  const background = Promise.all([
    processes.supervise(stopping.signal),
    checker.run(stopping.signal).catch((error: unknown) => problem(`the checker has ended: ${(error as Error).message}`)),
  ]);
  atEnd(async () => {
    stopping.abort();
    await background;
  });

  const settling: SettleParts = { api, load, checker, findings, say };
  const settled = async (): Promise<void> => {
    if ((await settle(settling)) === undefined) throw new FaultsError('faults_not_as_expected', 'not exact and final before the fault');
  };
  const world: World = {
    directory: stack.directory, regions: api.regions, api, load, checker, processes, fronts, random: new Random(seed), say, settled, atEnd,
    urls, replicator: status.replicator ?? '', aggregators: status.aggregator ?? {},
  };
  const began = Date.now();
  const reports = await injectAll(world, { ...options, settling, findings, problem });
  const { sent, acknowledged } = load;
  return {
    minutes: Math.round((Date.now() - began) / 6_000) / 10, seed, sent, acknowledged, ...findings.counts,
    answers: checker.answers, finals: checker.finals, faults: reports, problems, date: new Date().toISOString(), ...conditions,
  };
}

export type InjectParts = RunOptions & { readonly settling: SettleParts; readonly findings: Findings; readonly problem: (text: string) => void };

/** Each at least once, and then again until the time is over. */
async function injectAll(world: World, parts: InjectParts): Promise<Record<string, FaultReport>> {
  const { minutes, faults, signal, findings } = parts;
  const until = Date.now() + minutes * MINUTE_MS;
  const reports: Record<string, FaultReport> = {};
  let isFirst = true;
  do {
    for (const fault of round(faults, world.random)) {
      signal.throwIfAborted();
      if (!isFirst && Date.now() >= until) break;
      const before = { counts: findings.counts, sent: world.load.sent };
      world.load.resume();
      await sleep(LOAD_MS);
      const { seconds, isInjected } = await injectOne(world, fault, parts);
      const past = reports[fault.name];
      const counts = difference(findings.counts, before.counts);
      reports[fault.name] = {
        what: fault.what, injected: (past?.injected ?? 0) + (isInjected ? 1 : 0), sent: (past?.sent ?? 0) + world.load.sent - before.sent,
        meanwhile: world.checker.evidenceFor(fault.name),
        lost: (past?.lost ?? 0) + counts.lost, double: (past?.double ?? 0) + counts.double, falselyFinal: (past?.falselyFinal ?? 0) + counts.falselyFinal,
        secondsToExact: seconds === undefined || past?.secondsToExact === null ? null : Math.max(past?.secondsToExact ?? 0, Math.round(seconds * 10) / 10),
      };
    }
    isFirst = false;
  } while (Date.now() < until);
  return reports;
}

export async function injectOne(world: World, fault: Fault, { settling, problem, say, signal }: InjectParts): Promise<{ readonly seconds: number | undefined; readonly isInjected: boolean }> {
  say(`${fault.name}: ${fault.what}`);
  const failed = (phase: string) => (error: unknown): false => {
    problem(`${fault.name}, ${phase}: ${(error as Error).message}`);
    return false;
  };
  world.checker.watch(fault.name);
  const isInjected = await unlessAborted(signal, fault.inject(world).then(() => true, failed('injected')));
  await unlessAborted(signal, fault.heal(world).catch(failed('healed')));
  for (const lack of world.checker.rest()) problem(`${fault.name}: ${lack}`);
  const seconds = await unlessAborted(signal, settle(settling, Date.now()).catch((error: unknown) => {
    failed('compared')(error);
    return undefined;
  }));
  if (seconds === undefined) problem(`${fault.name}: not exact and final again`);
  else say(`${fault.name}: exact and final again after ${seconds.toFixed(1)} s; ${world.load.sent} events sent, ${world.load.acknowledged} acknowledged`);
  return { seconds, isInjected };
}

/** Rejects at once when it is aborted: what then goes on fails, for the stack is taken away. */
async function unlessAborted<T>(signal: AbortSignal, act: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, fail) => signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true }));
  return Promise.race([act, aborted]);
}
