import { brokersAreApart, everyRegionHasEverything, everyReplicaIsReplicated, servicesWorkForTheirRegion, topicsAgree, versionsAgree } from './agreement';
import { describeRules, serviceOf } from './rules';

describeRules('docker-compose.yml and infra/local', [
  {
    title: 'have the same services in the same regions',
    check: everyRegionHasEverything,
    broken: [
      ['one aggregator', (files) => delete files.compose.services['aggregator-b-eu-west-1'], 'aggregator-b-eu-west-1 is missing'],
      ['a fourth region', (files) => (files.compose.services['kafka-sa-east-1'] = {}), 'kafka-sa-east-1 is of no region'],
    ],
  },
  {
    title: 'have the same Kafka and the same DynamoDB',
    check: versionsAgree,
    broken: [
      ['another image', (files) => (serviceOf(files, 'kafka-eu-west-1').image = 'apache/kafka:4.1.1'), 'kafka-eu-west-1 is of version 4.1.1'],
      ['another jar', (files) => (files.pom = files.pom.replace(/(DynamoDBLocal<\/artifactId>\s*<version>)[^<]+/, '$19.9.9')), 'and infra/local of 9.9.9'],
    ],
  },
  {
    title: 'have every service work for its own region',
    check: servicesWorkForTheirRegion,
    broken: [
      ['a ledger of elsewhere', (files) => (serviceOf(files, 'ingest-eu-west-1').environment!['MERIDIAN_LEDGER'] = 'dynamodb:meridian-ledger?endpoint=http://dynamodb-us-east-1:8000'), 'ingest-eu-west-1 has MERIDIAN_LEDGER'],
      ['a second control table', (files) => (serviceOf(files, 'ingest-eu-west-1').environment!['MERIDIAN_CONTROL'] = 'dynamodb:meridian-control?endpoint=http://dynamodb-eu-west-1:8000'), 'ingest-eu-west-1 has MERIDIAN_CONTROL'],
      ['a broker that sends its clients elsewhere', (files) => (serviceOf(files, 'kafka-eu-west-1').environment!['KAFKA_ADVERTISED_LISTENERS'] = 'BROKER://kafka-us-east-1:9092'), 'kafka-eu-west-1 has KAFKA_ADVERTISED_LISTENERS'],
    ],
  },
  {
    title: 'have the same topics',
    check: topicsAgree,
    broken: [
      ['another topic', (files) => (serviceOf(files, 'ingest-eu-west-1').environment!['MERIDIAN_EVENT_LOG_TOPIC'] = 'usage'), 'ingest-eu-west-1 appends to the topic usage'],
      ['fewer partitions', (files) => (serviceOf(files, 'topics-eu-west-1').command = ['--topic', 'events', '--partitions', '3']), 'topics-eu-west-1 has to create 6 partitions'],
    ],
  },
  {
    title: 'have brokers that are apart, and create no topic by themselves',
    check: brokersAreApart,
    broken: [
      ['one cluster id twice', (files) => (serviceOf(files, 'kafka-eu-west-1').environment!['CLUSTER_ID'] = serviceOf(files, 'kafka-us-east-1').environment!['CLUSTER_ID']!), 'a cluster id of its own'],
      ['topics by themselves', (files) => delete serviceOf(files, 'kafka-eu-west-1').environment!['KAFKA_AUTO_CREATE_TOPICS_ENABLE'], 'kafka-eu-west-1 creates topics'],
    ],
  },
  {
    title: 'replicate the ledger, and only it, between all replicas',
    check: everyReplicaIsReplicated,
    broken: [
      ['a replica left out', (files) => (serviceOf(files, 'replicator').command = ['--tables', 'meridian-ledger', '--replicas', 'us-east-1=http://dynamodb-us-east-1:8000']), 'has to join us-east-1='],
      ['the control table too', (files) => (serviceOf(files, 'replicator').command = ['--tables', 'meridian-ledger,meridian-control']), 'has to join the ledger'],
    ],
  },
]);
