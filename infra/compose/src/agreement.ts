/** The same topology as the stack without Docker: regions, versions, topics, tables. */
import { createProgram } from '@meridian/cli';
import { ingestConfig } from '@meridian/ingest';
import { REGIONS_DEFAULT } from '@meridian/local';
import type { Check, Service } from './files';
import { argumentOf, imageOf, servicesOf } from './services';

const PER_REGION = ['kafka', 'dynamodb', 'topics', 'tables', 'ingest', 'aggregator-a', 'aggregator-b', 'reconciliation'];
const ONCE = ['replicator', 'key', 'otel-collector', 'prometheus', 'grafana'];
const [CONTROL_REGION] = REGIONS_DEFAULT;

export const everyRegionHasEverything: Check = ({ compose }) => {
  const wanted = [...REGIONS_DEFAULT.flatMap((region) => PER_REGION.map((part) => `${part}-${region}`)), ...ONCE];
  const found = Object.keys(compose.services);
  return [
    ...wanted.filter((name) => !found.includes(name)).map((name) => `${name} is missing`),
    ...found.filter((name) => !wanted.includes(name)).map((name) => `${name} is of no region of the stack`),
  ];
};

/** The jars of infra/local and the images are of one version each. */
export const versionsAgree: Check = (files) => {
  const versionOf = (artifact: string): string | undefined => new RegExp(`<artifactId>${artifact}</artifactId>\\s*<version>([^<]+)<`).exec(files.pom)?.[1];
  const expected: Readonly<Record<string, string | undefined>> = { 'apache/kafka': versionOf('kafka_2.13'), 'amazon/dynamodb-local': versionOf('DynamoDBLocal') };
  return servicesOf(files).flatMap(([name, service]) => {
    const { repository, tag } = imageOf(service.image);
    return repository in expected && tag !== expected[repository] ? [`${name} is of version ${tag}, and infra/local of ${expected[repository] ?? 'none'}`] : [];
  });
};

/** `ingest-us-east-1` works for us-east-1, on its log, its replica and its derived rows; all on the one control table. */
export const servicesWorkForTheirRegion: Check = (files) =>
  servicesOf(files).flatMap(([name, { environment = {} }]) => {
    const region = name === 'key' ? CONTROL_REGION : REGIONS_DEFAULT.find((one) => name.endsWith(`-${one}`));
    const expected: Readonly<Record<string, string>> = {
      MERIDIAN_REGION: `${region}`,
      MERIDIAN_EVENT_LOG: `kafka:kafka-${region}:9092`,
      MERIDIAN_LEDGER: `dynamodb:meridian-ledger?endpoint=http://dynamodb-${region}:8000`,
      MERIDIAN_DERIVED: `dynamodb:meridian-derived?endpoint=http://dynamodb-${region}:8000`,
      MERIDIAN_CONTROL: `dynamodb:meridian-control?region=${CONTROL_REGION}&endpoint=http://dynamodb-${CONTROL_REGION}:8000`,
      KAFKA_ADVERTISED_LISTENERS: `BROKER://kafka-${region}:9092`,
    };
    return Object.entries(environment)
      .filter(([variable, value]) => variable in expected && expected[variable] !== value)
      .map(([variable, value]) => `${name} has ${variable}=${value}`);
  });

/** The topic that the region's services use, with as many logs as `meridian topics create` makes anywhere else. */
export const topicsAgree: Check = ({ compose }) => {
  const create = createProgram().commands.find((one) => one.name() === 'topics')?.commands.find((one) => one.name() === 'create');
  const partitions = String(create?.options.find(({ long }) => long === '--partitions')?.defaultValue);
  return REGIONS_DEFAULT.flatMap((region) => {
    const topic = ingestConfig(compose.services[`ingest-${region}`]?.environment ?? {}).MERIDIAN_EVENT_LOG_TOPIC;
    const created: Service = compose.services[`topics-${region}`] ?? {};
    return [
      ...(argumentOf(created, '--topic') === topic ? [] : [`ingest-${region} appends to the topic ${topic}, which topics-${region} does not create`]),
      ...(argumentOf(created, '--partitions') === partitions ? [] : [`topics-${region} has to create ${partitions} partitions`]),
    ];
  });
};

export const brokersAreApart: Check = (files) => {
  const brokers = servicesOf(files).filter(([, { image }]) => imageOf(image).repository === 'apache/kafka');
  const clusters = brokers.map(([, { environment }]) => environment?.['CLUSTER_ID']);
  return [
    ...(new Set(clusters).size === REGIONS_DEFAULT.length && !clusters.includes(undefined) ? [] : ['every region needs a cluster id of its own']),
    ...brokers.filter(([, { environment }]) => environment?.['KAFKA_AUTO_CREATE_TOPICS_ENABLE'] !== 'false').map(([name]) => `${name} creates topics by itself`),
  ];
};

export const everyReplicaIsReplicated: Check = ({ compose }) => {
  const replicator: Service = compose.services['replicator'] ?? {};
  const replicas = REGIONS_DEFAULT.map((region) => `${region}=http://dynamodb-${region}:8000`).join(',');
  return [
    ...(argumentOf(replicator, '--replicas') === replicas ? [] : [`the replicator has to join ${replicas}`]),
    ...(argumentOf(replicator, '--tables') === 'meridian-ledger' ? [] : ['the replicator has to join the ledger, and nothing else']),
  ];
};
