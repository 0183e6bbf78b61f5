/**
 * A Kafka broker of a spec's own: with the listeners it asks for, to be restarted, or replaced by an empty one of another
 * cluster. From the jars that `infra/local` fetched for the broker of all specs.
 */
import { EventLogError } from '@meridian/event-log';
import { Kafka, logLevel } from 'kafkajs';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { guardRequestQueue } from './guard';
import { clock } from './harness';
import { patiently } from './patience';

const run = promisify(execFile);
const HOST = '127.0.0.1';
const JARS = resolve(__dirname, '../../../infra/local/target/kafka', '*');
const JAVA_HOME = process.env['JAVA_HOME'];
/** Slow machines take long to start a JVM. */
const START_DEADLINE_MS = 60_000;
const SAID_MAX = 4_000;
/** Small brokers are slowed down more by a compiler's threads than they gain from them. */
const QUICK_JAVA = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', JARS];

/** A program of Java's own. */
export function java(name: 'java' | 'keytool'): string {
  return JAVA_HOME === undefined ? name : join(JAVA_HOME, 'bin', name);
}

/** A listener beside the plain one. */
export interface Listener {
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  /** Without the prefix that names the listener. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface TestBrokerOptions {
  /** By name, in capitals. */
  readonly listeners?: Readonly<Record<string, Listener>>;
  /** Users with SCRAM credentials, as `kafka-storage format --add-scram` takes them. */
  readonly scram?: readonly string[];
}

export class TestBroker {
  private child: ChildProcess | undefined;
  private said = '';

  private constructor(private readonly options: TestBrokerOptions, private readonly directory: string, private readonly ports: ReadonlyMap<string, number>) {}

  static async start(options: TestBrokerOptions = {}): Promise<TestBroker> {
    const names = ['PLAIN', 'CONTROLLER', ...Object.keys(options.listeners ?? {})];
    const ports = await freePorts(names.length);
    const broker = new TestBroker(options, await mkdtemp(join(tmpdir(), 'kafka-')), new Map(names.map((name, i) => [name, ports[i] as number])));
    await broker.format();
    await broker.launch();
    return broker;
  }

  readonly clientId = 'meridian-test';

  /** Of the plain listener. */
  get brokers(): readonly string[] {
    return this.at('PLAIN');
  }

  at(listener: string): readonly string[] {
    return [`${HOST}:${this.ports.get(listener)}`];
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.launch();
  }

  /** At the same address, an empty broker of another cluster. */
  async replace(): Promise<void> {
    await this.stop();
    await rm(join(this.directory, 'data'), { recursive: true });
    await this.format();
    await this.launch();
  }

  async dispose(): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true });
  }

  private async format(): Promise<void> {
    const properties = join(this.directory, 'server.properties');
    await writeFile(properties, this.properties());
    const clusterId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
    const scram = (this.options.scram ?? []).flatMap((user) => ['--add-scram', user]);
    await run(java('java'), [...QUICK_JAVA, 'kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '--config', properties, ...scram]);
  }

  private async launch(): Promise<void> {
    const child = spawn(java('java'), [...QUICK_JAVA, 'kafka.Kafka', join(this.directory, 'server.properties')], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (this.said = (this.said + text.toString()).slice(-SAID_MAX)));
    // Also when a spec is ended before it disposes of its broker.
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    await patiently({ clock, deadlineMs: START_DEADLINE_MS, doing: 'starting a broker' }, () => this.ask());
  }

  private async ask(): Promise<void> {
    if (this.child?.exitCode !== null) throw new EventLogError('log_invalid', `the broker has ended:\n${this.said}`);
    guardRequestQueue();
    const admin = new Kafka({ brokers: [...this.brokers], clientId: this.clientId, logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
    try {
      await admin.connect();
      await admin.listTopics();
    } finally {
      await admin.disconnect();
    }
  }

  private async stop(): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    // Without a word, as brokers end when it matters; what was written is in the page cache.
    child.kill('SIGKILL');
    await ended;
  }

  private properties(): string {
    const listeners = Object.entries(this.options.listeners ?? {});
    const addresses = [...this.ports].map(([name, port]) => `${name}://${HOST}:${port}`);
    const settings: Record<string, string> = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@${HOST}:${this.ports.get('CONTROLLER')}`,
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'PLAIN',
      'listener.security.protocol.map': ['PLAIN:PLAINTEXT', 'CONTROLLER:PLAINTEXT', ...listeners.map(([name, { protocol }]) => `${name}:${protocol}`)].join(','),
      listeners: addresses.join(','),
      'advertised.listeners': addresses.filter((address) => !address.startsWith('CONTROLLER')).join(','),
      'log.dirs': join(this.directory, 'data'),
      'auto.create.topics.enable': 'false',
      'offsets.topic.num.partitions': '1',
      'offsets.topic.replication.factor': '1',
      'group.initial.rebalance.delay.ms': '0',
      // By default half the heap.
      'log.cleaner.dedupe.buffer.size': String(4 * 1024 * 1024),
    };
    for (const [name, listener] of listeners) {
      for (const [key, value] of Object.entries(listener.settings)) settings[`listener.name.${name.toLowerCase()}.${key}`] = value;
    }
    return Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join('');
  }
}

/** Taken at once, so that none is given twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((done) => server.listen(0, HOST, done))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
