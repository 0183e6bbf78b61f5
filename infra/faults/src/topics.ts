/**
 * What is done to a region's topic: more partitions, another topic under its name, a partition that lost its records.
 * Each with the recovery that docs/runbooks describe, and nothing else.
 */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HOST } from '@meridian/local';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { eventually, saysWhy, type Fault, type World } from './fault';

const TOPIC = 'events';
const MORE = 6;
const UNDER_LOAD_MS = 8_000;
const WITHIN_MS = 90_000;
const COMMAND_TIMEOUT_MS = 60_000;
const MERIDIAN = resolve(__dirname, '../../../apps/cli/bin/meridian.js');
const run = promisify(execFile);

const aggregatorsOf = (region: string): readonly string[] => [`aggregator/${region}/1`, `aggregator/${region}/2`];
const ingestOf = (region: string): string => `ingest/${region}`;

async function withAdmin<T>({ fronts }: World, region: string, act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ clientId: 'faults', brokers: [`${HOST}:${fronts.clientPortOf('kafka', region)}`], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await act(admin);
  } finally {
    await admin.disconnect();
  }
}

/** End of each partition. */
async function endsOf(world: World, region: string): Promise<number[]> {
  const offsets = await withAdmin(world, region, (admin) => admin.fetchTopicOffsets(TOPIC));
  return offsets.toSorted((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
}

/** As `log_truncated` says: the old logs count as far as they were folded, the topic begins anew as others. */
function newLineage({ api }: World, region: string, reason: string): Promise<void> {
  return api.command(region, '/v1/logs/new-lineage', { region, reason });
}

async function startServices({ processes }: World, region: string): Promise<void> {
  await Promise.all([...aggregatorsOf(region), ingestOf(region)].map((name) => processes.up(name)));
}

const grow: Fault = {
  name: 'partitions-grow',
  what: `a topic gets ${MORE} partitions more under load; its services end, or are restarted`,
  async inject(world) {
    const { api, processes, regions, say } = world;
    const counts = await Promise.all(regions.map(async (region) => ({ region, count: (await endsOf(world, region)).length })));
    const { region, count } = counts.reduce((least, one) => (one.count < least.count ? one : least));
    say(`${region}: ${count} partitions become ${count + MORE}`);
    await withAdmin(world, region, (admin) => admin.createPartitions({ topicPartitions: [{ topic: TOPIC, count: count + MORE }] }));
    const before = (await api.logs(region)).length;
    // Its aggregators end by themselves and are started again.
    await eventually(`the new partitions of ${region} are registered`, WITHIN_MS, async () => (await api.logs(region)).length >= before + MORE);
    await processes.restart(ingestOf(region));
    await sleep(UNDER_LOAD_MS);
  },
  heal: () => Promise.resolve(),
};

function recreate(): Fault {
  let region: string | undefined;
  return {
    name: 'topic-recreated',
    what: 'publishers rest, a topic is deleted and created again under its name, `new-lineage`, services start again',
    async inject(world) {
      const { processes, random, regions, load, settled, say } = world;
      await settled();
      region = random.pick(regions);
      const chosen = region;
      say(`the topic of ${chosen} is deleted and created again`);
      await processes.down(...aggregatorsOf(chosen), ingestOf(chosen));
      load.resume();
      const partitions = (await endsOf(world, chosen)).length;
      await withAdmin(world, chosen, async (admin) => {
        await admin.deleteTopics({ topics: [TOPIC] });
        await eventually('the topic is gone', WITHIN_MS, async () => !(await admin.listTopics()).includes(TOPIC));
      });
      const create = ['topics', 'create', '--event-log', `kafka:${HOST}:${world.fronts.clientPortOf('kafka', chosen)}`, '--topic', TOPIC, '--partitions', String(partitions)];
      await run(process.execPath, [MERIDIAN, ...create, '--replication-factor', '1', '--min-isr', '1', '--json'], { timeout: COMMAND_TIMEOUT_MS });
      await newLineage(world, chosen, 'the topic was created again');
    },
    async heal(world) {
      if (region !== undefined) await startServices(world, region);
    },
  };
}

function truncate(): Fault {
  let region: string | undefined;
  return {
    name: 'truncated',
    what: 'a partition loses all its records while its broker is down: alarm, the log stops, `new-lineage`',
    async inject(world) {
      const { directory, processes, random, regions, load, settled, aggregators, say } = world;
      await settled();
      region = random.pick(regions);
      const chosen = region;
      const ends = await endsOf(world, chosen);
      const partition = ends.indexOf(Math.max(...ends));
      say(`partition ${partition} of ${chosen} loses its ${ends[partition]} records`);
      await processes.down(`kafka/${chosen}`);
      await rm(join(directory, chosen, 'kafka', 'data', `${TOPIC}-${partition}`), { recursive: true });
      await processes.up(`kafka/${chosen}`);
      load.resume();
      const alarm = new RegExp(`^meridian_alarms_total\\{[^}]*code="log_truncated"`, 'm');
      await eventually(`an aggregator of ${chosen} raises log_truncated`, WITHIN_MS, async () => {
        const pages = await Promise.all((aggregators[chosen] ?? []).map(async (url) => (await fetch(`${url}/metrics`)).text()));
        return pages.some((page) => alarm.test(page));
      });
      await Promise.all(regions.map((one) => saysWhy(world, one, ({ code, log }) => code === 'not_folded' && log?.startsWith(`${chosen}.`) === true)));
    },
    async heal(world) {
      if (region === undefined) return;
      await world.processes.down(ingestOf(region), ...aggregatorsOf(region));
      await newLineage(world, region, 'a partition lost its records');
      await startServices(world, region);
    },
  };
}

export function topicFaults(): Fault[] {
  return [grow, recreate(), truncate()];
}
