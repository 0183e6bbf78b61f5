/**
 * One Apache Kafka per region: a single process that is controller and broker, on the loopback, with a small heap.
 * It never creates topics by itself. Healthy = it answers a metadata request and names a broker.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jarsOf } from './jars';
import type { Part, Ports } from './part';
import { HOST } from './ports';
import { findJava } from './tools';

const run = promisify(execFile);

/** How all who use the stack connect, whatever they have set for other brokers. */
export const PLAIN_KAFKA = { MERIDIAN_KAFKA_TLS: 'false', MERIDIAN_KAFKA_SASL: 'none' } as const;

const HEAP = '-Xmx256m';
const MIB = 1024 * 1024;
/** Metadata, version 1, with no client id, of no topics: brokers and controller only. */
const METADATA_REQUEST = Buffer.from('0000000e' + '0003' + '0001' + '00000001' + 'ffff' + '00000000', 'hex');
/** Size and correlation id stand before the number of brokers. */
const BROKERS_AT = 8;
const ASK_TIMEOUT_MS = 2_000;

export const kafka: Part = {
  kind: 'kafka',
  isPerRegion: true,
  instances: 1,
  ports: ['broker', 'controller'],
  // It writes what it has first, in a second; on a busy machine it can wait for itself much longer. Killed, it loses nothing.
  drainMs: 10_000,
  endpoint: ({ broker, advertised = broker }) => `${HOST}:${advertised}`,

  async prepare({ directory, ports, mark }) {
    const java = await findJava();
    const jars = await jarsOf('kafka', () => undefined);
    await mkdir(directory, { recursive: true });
    const properties = join(directory, 'server.properties');
    await writeFile(properties, serverProperties(join(directory, 'data'), ports));
    const isFormatted = await access(join(directory, 'data', 'meta.properties')).then(() => true, () => false);
    if (!isFormatted) {
      const clusterId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
      await run(java, [...quick(jars), 'kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '--config', properties]);
    }
    const args = [HEAP, ...quick(jars), '-Dorg.slf4j.simpleLogger.log.kafka=info', '-Dorg.slf4j.simpleLogger.showDateTime=true', 'kafka.Kafka', properties];
    return { command: java, args: [`-D${mark}`, ...args], env: {} };
  },

  isHealthy: ({ broker }) => namesABroker(broker),
};

/** Client tools and small brokers are slowed down more by a compiler's threads than they gain from them. */
function quick(jars: string): string[] {
  return ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', join(jars, '*')];
}

function serverProperties(data: string, { broker, controller, advertised = broker }: Ports): string {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${HOST}:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'BROKER',
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: `BROKER://${HOST}:${broker},CONTROLLER://${HOST}:${controller}`,
    'advertised.listeners': `BROKER://${HOST}:${advertised}`,
    'log.dirs': data,
    'auto.create.topics.enable': false,
    'unclean.leader.election.enable': false,
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // There is one consumer group member more in a moment, never a fleet to wait for.
    'group.initial.rebalance.delay.ms': 0,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'num.recovery.threads.per.data.dir': 1,
    // By default half the heap.
    'log.cleaner.dedupe.buffer.size': 4 * MIB,
  };
  return Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join('');
}

function namesABroker(port = 0): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: HOST, port, timeout: ASK_TIMEOUT_MS });
    let answer = Buffer.alloc(0);
    const end = (isHealthy: boolean): void => {
      socket.destroy();
      done(isHealthy);
    };
    socket.on('connect', () => socket.write(METADATA_REQUEST));
    socket.on('data', (bytes) => {
      answer = Buffer.concat([answer, bytes]);
      if (answer.length >= BROKERS_AT + 4) end(answer.readInt32BE(BROKERS_AT) > 0);
    });
    for (const ending of ['error', 'timeout', 'close'] as const) socket.once(ending, () => end(false));
  });
}
