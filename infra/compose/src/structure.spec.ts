import { describeRules, serviceOf } from './rules';
import {
  dependenciesCanBeMet, everyOneShotIsWaitedFor, EXACT, healthchecksAskWhatListens, healthIsKnown, imagesAreExact, isValid, mountedFilesExist, noneWaitsForItself,
  oneImageIsBuiltOnce, portsAreOfTheLoopback, volumesAreDeclaredAndUsed,
} from './structure';

describeRules('docker-compose.yml', [
  {
    title: 'is valid by the schema of the Compose Specification',
    check: isValid,
    broken: [
      ['a key that there is not', (files) => Object.assign(serviceOf(files, 'grafana'), { imgae: 'grafana/grafana:12.4.4' }), 'additional properties'],
      ['a condition that there is not', (files) => Object.assign(serviceOf(files, 'grafana'), { depends_on: { prometheus: { condition: 'ready' } } }), '/services/grafana/depends_on'],
      ['a section that there is not', (files) => Object.assign(files.compose, { servcies: {} }), 'additional properties'],
    ],
  },
  {
    title: 'takes exact images only',
    check: imagesAreExact,
    broken: [
      ['the newest of a day', (files) => (serviceOf(files, 'grafana').image = 'grafana/grafana:latest'), 'grafana takes the image'],
      ['no tag', (files) => (serviceOf(files, 'prometheus').image = 'prom/prometheus'), 'prometheus takes the image'],
      ['a bare major', (files) => (serviceOf(files, 'prometheus').image = 'prom/prometheus:v3'), 'prometheus takes the image'],
      ['no image', (files) => delete serviceOf(files, 'key').image, 'key takes the image'],
    ],
  },
  {
    title: 'builds one image, once, of the version of this repository',
    check: oneImageIsBuiltOnce,
    broken: [
      ['an old version', (files) => (serviceOf(files, 'key').image = 'meridian:0.0.9'), 'key is not of version'],
      ['two builders', (files) => (serviceOf(files, 'key').build = '.'), 'one service builds'],
      ['no builder', (files) => delete serviceOf(files, 'tables-us-east-1').build, 'one service builds'],
    ],
  },
  {
    title: 'knows the health of whatever stays',
    check: healthIsKnown,
    broken: [
      ['none', (files) => delete serviceOf(files, 'grafana').healthcheck, 'grafana has no healthcheck'],
      ['the one of the image, switched off', (files) => (serviceOf(files, 'ingest-eu-west-1').healthcheck = { disable: true }), 'ingest-eu-west-1 has no healthcheck'],
      ['one for a service that ends', (files) => delete serviceOf(files, 'topics-eu-west-1').healthcheck, 'topics-eu-west-1 ends by itself'],
    ],
  },
  {
    title: 'asks for health where a service listens',
    check: healthchecksAskWhatListens,
    broken: [
      ['another port', (files) => (serviceOf(files, 'replicator').healthcheck = { test: ['CMD', 'curl', 'http://127.0.0.1:9100/health'] }), 'replicator is asked at port 9100'],
      ['a service that moved', (files) => (serviceOf(files, 'dynamodb-eu-west-1').command = ['-port', '8001']), 'dynamodb-eu-west-1 is asked at port 8000 and listens on 8001'],
    ],
  },
  {
    title: 'waits only for what will come',
    check: dependenciesCanBeMet,
    broken: [
      ['no such service', (files) => delete files.compose.services['kafka-eu-west-1'], 'topics-eu-west-1 waits for kafka-eu-west-1, which is no service'],
      ['the health of what ends', (files) => (serviceOf(files, 'replicator').depends_on = { 'tables-eu-west-1': { condition: 'service_healthy' } }), 'it should be service_completed_successfully'],
      ['the end of what stays', (files) => (serviceOf(files, 'grafana').depends_on = { prometheus: { condition: 'service_completed_successfully' } }), 'it should be service_healthy'],
      ['a service that is not started', (files) => (serviceOf(files, 'grafana').depends_on = { key: { condition: 'service_completed_successfully' } }), 'which starts only when asked for'],
      ['the health of what cannot be asked', (files) => (serviceOf(files, 'grafana').depends_on = { 'otel-collector': { condition: 'service_healthy' } }), 'which cannot be asked'],
    ],
  },
  {
    title: 'has no circle of services that wait for each other',
    check: noneWaitsForItself,
    broken: [
      ['a circle of two', (files) => (serviceOf(files, 'prometheus').depends_on = { grafana: { condition: 'service_healthy' } }), 'prometheus waits for itself'],
    ],
  },
  {
    title: 'has somebody wait for each service that ends',
    check: everyOneShotIsWaitedFor,
    broken: [
      ['one that ends unseen', (files) => delete serviceOf(files, 'key').profiles, 'nothing waits for key'],
    ],
  },
  {
    title: 'publishes each port once, on the loopback, from where its service listens',
    check: portsAreOfTheLoopback,
    broken: [
      ['every address of the machine', (files) => (serviceOf(files, 'grafana').ports = ['4401:3000']), 'write 127.0.0.1'],
      ['a port taken', (files) => (serviceOf(files, 'grafana').ports = ['127.0.0.1:4400:3000']), 'which is prometheus\'s'],
      ['a port nobody listens on', (files) => (serviceOf(files, 'ingest-us-east-1').ports = ['127.0.0.1:4410:80']), 'publishes its port 80 and listens on 8080'],
    ],
  },
  {
    title: 'declares the volumes it uses, and no other',
    check: volumesAreDeclaredAndUsed,
    broken: [
      ['not declared', (files) => delete files.compose.volumes['prometheus'], 'which is not declared'],
      ['not used', (files) => (files.compose.volumes['grafana'] = null), 'nothing mounts the volume grafana'],
      ['two services on one', (files) => (serviceOf(files, 'kafka-eu-west-1').volumes = ['kafka-us-east-1:/var/lib/kafka/data']), 'is mounted twice'],
    ],
  },
  {
    title: 'mounts files that exist, to be read only',
    check: mountedFilesExist,
    broken: [
      ['no such file', (files) => (serviceOf(files, 'prometheus').volumes = ['./infra/prometheus.yml:/etc/prometheus/prometheus.yml:ro']), 'which does not exist'],
      ['writable', (files) => (serviceOf(files, 'grafana').volumes = ['./infra/grafana/dashboards:/var/lib/grafana/dashboards']), 'grafana could write'],
    ],
  },
]);

describe('an exact image', () => {
  it.each([['v3.13.3'], ['grafana/grafana:12.4.4'], ['node:24.21.0-slim'], [`node@sha256:${'0'.repeat(64)}`]])('is %s', (image) => {
    expect(image).toMatch(EXACT);
  });

  it.each([['grafana/grafana:12'], ['grafana/grafana:12.4'], ['node:slim'], ['node'], ['node:24-slim'], ['node@sha256:0']])('is not %s', (image) => {
    expect(image).not.toMatch(EXACT);
  });
});
