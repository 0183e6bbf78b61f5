/**
 * The comparison: publishers rest, everything they made is acknowledged, and every session of every tenant in every region
 * must have exactly the total that the journals on disk say, and be final. Usage too, which is counted another way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api';
import { totals, type Checker } from './checker';
import type { Findings } from './findings';
import { inputOf } from './event';
import type { Finding } from './judge';
import type { Load } from './load';
import { readJournals, type Sessions } from './journal';

/** Of each tenant. */
type Tenants = ReadonlyMap<string, Sessions>;

export interface SettleParts {
  readonly api: Api;
  readonly load: Load;
  readonly checker: Checker;
  readonly findings: Findings;
  readonly say: (line: string) => void;
  /** How long regions may take to be exact and final after the last acknowledgement. Default: `EXACT_MS`. */
  readonly exactWithinMs?: number;
}

/** What resends need at most after a fault, and what regions need to be exact after that. */
const DRAIN_MS = 120_000;
const EXACT_MS = 240_000;
const LOOK_EVERY_MS = 500;

interface Look {
  readonly isExact: boolean;
  /** What would be wrong if it stayed so. */
  readonly findings: readonly Finding[];
  readonly why: string;
}

/** Seconds from `since` until all is exact and final; undefined, and findings, when it never was. */
export async function settle(parts: SettleParts, since = Date.now()): Promise<number | undefined> {
  const { api, load, findings, say, exactWithinMs = EXACT_MS } = parts;
  await load.pause(DRAIN_MS);
  const tenants = await readJournals(load.directory);
  const until = Date.now() + exactWithinMs;
  const looks = await Promise.all(api.regions.map((region) => untilExact(parts, region, { tenants, until })));
  for (const look of looks) {
    if (look.isExact) continue;
    findings.add(look.findings);
    say(`not exact and final within ${exactWithinMs / 1_000} s: ${look.why}`);
  }
  return looks.every(({ isExact }) => isExact) ? (Date.now() - since) / 1_000 : undefined;
}

async function untilExact(parts: SettleParts, region: string, { tenants, until }: { readonly tenants: Tenants; readonly until: number }): Promise<Look> {
  let [look, cut]: [Look, number] = [{ isExact: false, findings: [], why: `${region} does not answer` }, -1];
  while (!look.isExact && Date.now() < until) {
    look = await lookAt(parts, { region, tenants, cut }).then((next) => {
      cut = next.cut;
      return next.look ?? look;
    }, (error: unknown) => ({ ...look, why: `${region}: ${(error as Error).message}` }));
    if (!look.isExact) await sleep(LOOK_EVERY_MS);
  }
  return look;
}

/** Reads all that a region says, unless it is not final or nothing is new since `cut`. */
async function lookAt({ api, checker }: SettleParts, { region, tenants, cut }: { readonly region: string; readonly tenants: Tenants; readonly cut: number }): Promise<{ readonly look?: Look; readonly cut: number }> {
  const claim = await api.claim(region);
  if (!claim.isFinal) return { cut, look: { isExact: false, findings: [], why: `${region} is provisional: ${JSON.stringify(claim.reasons)}` } };
  if (claim.cut === cut) return { cut };
  const findings: Finding[] = [];
  let isFinal = true;
  for (const [tenant, sessions] of tenants) {
    for await (const answer of totals(api, { region, tenant }, sessions.keys())) {
      const { missing, findings: wrong } = checker.see(answer);
      findings.push(...wrong, ...missing.map((key) => lost(key, region)));
      isFinal &&= answer.isFinal;
    }
    const usage = await api.usage(region, tenant);
    if (findings.length === 0 && isFinal) findings.push(...compareUsage(`usage of ${tenant} in ${region}`, usage, sessions));
  }
  const why = `${region} at cut ${claim.cut}: ${findings[0]?.message ?? 'not final'}`;
  // Read again at the same cut only when it was not yet final.
  return { cut: isFinal ? claim.cut : cut, look: { isExact: findings.length === 0 && isFinal, findings, why } };
}

function compareUsage(key: string, usage: { readonly input: bigint; readonly output: bigint }, sessions: Sessions): Finding[] {
  const events = [...sessions.values()].flat();
  const [input, output] = [events.reduce((sum, event) => sum + inputOf(event), 0n), events.reduce((sum, event) => sum + BigInt(event.output), 0n)];
  if (usage.input === input && usage.output === output) return [];
  return [{ kind: usage.input < input || usage.output < output ? 'lost' : 'double', key, message: `${key} is ${usage.input}+${usage.output}, of all sessions ${input}+${output}` }];
}

function lost(key: string, region: string): Finding {
  return { kind: 'lost', key, message: `${key} was acknowledged and is not counted in ${region}` };
}
