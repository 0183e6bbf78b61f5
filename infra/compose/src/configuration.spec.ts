import {
  addressesAreListenedAt, commandLinesAreUnderstood, configurationsAreTaken, everyOneOfOursIsKnown, everyProgramIsBuilt, servicesListenToOthers, variablesAreKnown,
} from './configuration';
import type { Files } from './files';
import { describeRules, serviceOf } from './rules';

/** Sets a variable of a service; undefined takes it away. */
function set(name: string, variable: string, value: string | undefined): (files: Files) => void {
  return (files) => {
    const service = serviceOf(files, name);
    const { [variable]: _, ...others } = service.environment ?? {};
    service.environment = value === undefined ? others : { ...others, [variable]: value };
  };
}

describeRules('What services are told', [
  {
    title: 'is told to services that there are',
    check: everyOneOfOursIsKnown,
    broken: [['a program that there is not', (files) => (serviceOf(files, 'ingest-us-east-1').command = ['apps/ingest/dist/index.js']), 'which is neither a service']],
  },
  {
    title: 'is told to programs that this repository builds',
    check: everyProgramIsBuilt,
    broken: [['a program without a source', (files) => (serviceOf(files, 'replicator').command = ['infra/local/dist/replicate.js']), 'replicator runs infra/local/dist/replicate.js, which nothing builds']],
  },
  {
    title: 'is a variable that the service reads',
    check: variablesAreKnown,
    broken: [
      ['a slip', set('ingest-us-east-1', 'MERIDIAN_PROT', '8080'), 'ingest-us-east-1 is given MERIDIAN_PROT'],
      ['a variable of another service', set('reconciliation-eu-west-1', 'MERIDIAN_EVENT_LOG', 'kafka:kafka-eu-west-1:9092'), 'reconciliation-eu-west-1 is given MERIDIAN_EVENT_LOG'],
      ['anything to the replicator but credentials', set('replicator', 'MERIDIAN_REGION', 'us-east-1'), 'replicator is given MERIDIAN_REGION'],
    ],
  },
  {
    title: 'is a configuration that the service takes',
    check: configurationsAreTaken,
    broken: [
      ['a port that is none', set('ingest-us-east-1', 'MERIDIAN_PORT', '808O'), 'MERIDIAN_PORT'],
      ['no ledger', set('aggregator-b-eu-west-1', 'MERIDIAN_LEDGER', undefined), 'MERIDIAN_LEDGER'],
      ['a scheme that there is not', set('aggregator-a-eu-west-1', 'MERIDIAN_EVENT_LOG', 'pulsar:kafka-eu-west-1:9092'), 'MERIDIAN_EVENT_LOG'],
      ['a table without a name', set('tables-us-east-1', 'MERIDIAN_LEDGER', 'dynamodb:?endpoint=http://dynamodb-us-east-1:8000'), 'MERIDIAN_LEDGER'],
    ],
  },
  {
    title: 'has them listen to others',
    check: servicesListenToOthers,
    broken: [['the loopback of a container', set('ingest-us-east-1', 'MERIDIAN_HOST', undefined), 'ingest-us-east-1 listens to nobody']],
  },
  {
    title: 'is a command line that the command line understands',
    check: commandLinesAreUnderstood,
    broken: [
      ['an option that there is not', (files) => serviceOf(files, 'topics-us-east-1').command?.push('--compaction'), 'gives --compaction to create'],
      ['a command that there is not', (files) => (serviceOf(files, 'key').command = ['apps/cli/bin/meridian.js', 'keys', 'make']), 'key runs no command'],
    ],
  },
  {
    title: 'names addresses at which a service listens',
    check: addressesAreListenedAt,
    broken: [
      ['no such service', set('ingest-us-east-1', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'http://collector:4318'), 'asks collector, which is no service'],
      ['another port', set('ingest-us-east-1', 'MERIDIAN_EVENT_LOG', 'kafka:kafka-us-east-1:9093'), 'asks kafka-us-east-1 at port 9093'],
      ['a broker that moved', set('kafka-us-east-1', 'KAFKA_LISTENERS', 'BROKER://0.0.0.0:9192,CONTROLLER://127.0.0.1:9093'), 'asks kafka-us-east-1 at port 9092, which listens on 9192'],
      ['a data source that moved', (files) => (files.datasources.datasources[0]!.url = 'http://prometheus:9091'), 'the data source prometheus asks prometheus at port 9091'],
    ],
  },
]);
