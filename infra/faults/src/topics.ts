/**
 * What is done to a region's topic: more partitions, another topic under its name, a partition that lost its records.
 * Each with the recovery that docs/runbooks describe, and nothing else.
 */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HOST, TOPIC_REPLICAS } from '@meridian/local';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { eventually, saysWhy, type Fault, type Reason, type World } from './fault';

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

/** So that nothing folds, or is acknowledged, while the logs get their successors. */
async function stopServices({ processes }: World, region: string): Promise<void> {
  await processes.down(ingestOf(region), ...aggregatorsOf(region));
}

async function deleteTopic(world: World, region: string): Promise<void> {
  await withAdmin(world, region, async (admin) => {
    await admin.deleteTopics({ topics: [TOPIC] });
    await eventually('the topic is gone', WITHIN_MS, async () => !(await admin.listTopics()).includes(TOPIC));
  });
}

async function createTopic({ fronts }: World, region: string, partitions: number): Promise<void> {
  const create = ['topics', 'create', '--event-log', `kafka:${HOST}:${fronts.clientPortOf('kafka', region)}`, '--topic', TOPIC, '--partitions', String(partitions)];
  const replicas = ['--replication-factor', String(TOPIC_REPLICAS.replicationFactor), '--min-isr', String(TOPIC_REPLICAS.minIsr)];
  await run(process.execPath, [MERIDIAN, ...create, ...replicas, '--json'], { timeout: COMMAND_TIMEOUT_MS });
}

type Heard = () => Promise<readonly string[]>;

/** Resolves with a function that answers the codes of the alarms that the region's aggregators raised since, ended or not. */
async function hear({ processes }: World, region: string): Promise<Heard> {
  const logs = await Promise.all(aggregatorsOf(region).map((name) => processes.listen(name)));
  return async () => alarmsIn((await Promise.all(logs.map((said) => said()))).join('\n'));
}

/** Codes, each once, in the order of a service's log lines. */
export function alarmsIn(lines: string): readonly string[] {
  const alarms = lines.split('\n').filter((line) => line.includes('"event":"alarm"'));
  return [...new Set(alarms.map((line) => /"code":"(\w+)"/.exec(line)?.[1] ?? 'none'))];
}

/** Rejects unless that alarm is raised, and then every region says of its answers that they wait for the region's logs. */
async function isSaid(world: World, region: string, code: string, heard: Heard): Promise<void> {
  await eventually(`an aggregator of ${region} raises ${code}`, WITHIN_MS, async () => (await heard()).includes(code));
  // A log that stopped is told of by its samples; of a topic that is gone there are none, and the region counts as unreachable.
  const isIt = ({ code: why, region: of, log }: Reason): boolean => (why === 'not_folded' && log?.startsWith(`${region}.`) === true) || (code === 'log_missing' && why === 'region_unreachable' && of === region);
  await Promise.all(world.regions.map((one) => saysWhy(world, one, isIt)));
  world.say(`${region} raised ${(await heard()).join(', ')}, and every region is provisional for it`);
}

/** With all services of the region at work, and publishers from the moment on that the old topic is gone. */
function recreate(): Fault {
  let region: string | undefined;
  return {
    name: 'topic-recreated',
    what: 'after everything was final, a topic is deleted and created again under its name while its services run: alarm, its logs stop, `new-lineage`',
    async inject(world) {
      const { random, regions, load, settled, say } = world;
      await settled();
      const chosen = (region = random.pick(regions));
      const partitions = (await endsOf(world, chosen)).length;
      const heard = await hear(world, chosen);
      say(`the topic of ${chosen} is deleted and created again`);
      await deleteTopic(world, chosen);
      load.resume();
      await createTopic(world, chosen, partitions);
      await isSaid(world, chosen, 'log_truncated', heard);
    },
    async heal(world) {
      if (region === undefined) return;
      await stopServices(world, region);
      await newLineage(world, region, 'the topic was created again');
      await startServices(world, region);
    },
  };
}

function remove(): Fault {
  let region: string | undefined;
  let partitions = 0;
  return {
    name: 'topic-deleted',
    what: 'after everything was final, a topic is deleted while its services run: alarm, ingest refuses; it is created again with `new-lineage`',
    async inject(world) {
      const { random, regions, load, settled, urls, say } = world;
      await settled();
      const chosen = (region = random.pick(regions));
      partitions = (await endsOf(world, chosen)).length;
      const heard = await hear(world, chosen);
      say(`the topic of ${chosen} is deleted`);
      await deleteTopic(world, chosen);
      load.resume();
      await isSaid(world, chosen, 'log_missing', heard);
      await eventually(`ingest of ${chosen} is not ready`, WITHIN_MS, async () => (await fetch(`${urls.ingest[chosen]}/health/ready`)).status === 503);
    },
    async heal(world) {
      if (region === undefined) return;
      await stopServices(world, region);
      if (partitions > 0) await createTopic(world, region, partitions);
      await newLineage(world, region, 'the topic was deleted');
      await startServices(world, region);
    },
  };
}

function truncate(): Fault {
  let region: string | undefined;
  return {
    name: 'truncated',
    what: 'after everything was final, a partition loses all its records while its broker is down: alarm, the log stops, `new-lineage`',
    async inject(world) {
      const { directory, processes, random, regions, load, settled, say } = world;
      await settled();
      const chosen = (region = random.pick(regions));
      const heard = await hear(world, chosen);
      const ends = await endsOf(world, chosen);
      const partition = ends.indexOf(Math.max(...ends));
      say(`partition ${partition} of ${chosen} loses its ${ends[partition]} records`);
      await processes.crash(`kafka/${chosen}`);
      await rm(join(directory, chosen, 'kafka', 'data', `${TOPIC}-${partition}`), { recursive: true });
      await processes.up(`kafka/${chosen}`);
      load.resume();
      await isSaid(world, chosen, 'log_truncated', heard);
    },
    async heal(world) {
      if (region === undefined) return;
      await stopServices(world, region);
      await newLineage(world, region, 'a partition lost its records');
      await startServices(world, region);
    },
  };
}

export function topicFaults(): Fault[] {
  return [grow, remove(), recreate(), truncate()];
}
