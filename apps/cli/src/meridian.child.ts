/**
 * `meridian` as a process of its own, for tests: runs the sources as jest does, so that no build is needed. Translated
 * sources are kept below `node_modules/.cache`, because a test that kills a process twenty times starts it twenty-one times.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const ROOT = resolve(__dirname, '../../..');
const RUN_SOURCE = `
  const { createHash } = require('node:crypto');
  const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
  const { join } = require('node:path');
  const { transformSync } = require('@swc/core');
  const [, config] = require('./jest.preset.js').transform['^.+\\\\.ts$'];
  const directory = join(process.cwd(), 'node_modules/.cache/meridian-sources');
  mkdirSync(directory, { recursive: true });
  require.extensions['.ts'] = (module, file) => {
    const source = readFileSync(file, 'utf8');
    const kept = join(directory, createHash('sha256').update(JSON.stringify(config) + file + source).digest('hex') + '.js');
    let code;
    try {
      code = readFileSync(kept, 'utf8');
    } catch {
      code = transformSync(source, { ...config, filename: file }).code;
      writeFileSync(kept + process.pid, code);
      renameSync(kept + process.pid, kept);
    }
    module._compile(code, file);
  };
  process.argv.splice(1, 0, ${JSON.stringify(join(__dirname, 'main.ts'))});
  require(process.argv[1]);
`;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Meridian {
  private readonly child: ChildProcessByStdio<null, Readable, Readable>;
  private readonly stdout: string[] = [];
  private readonly stderr: string[] = [];
  readonly ended: Promise<Ended>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { MERIDIAN_URL: _url, MERIDIAN_KEY: _key, MERIDIAN_DATA: _data, ...inherited } = process.env;
    this.child = spawn(process.execPath, ['-C', '@meridian/source', '-e', RUN_SOURCE, '--', ...args], {
      cwd: ROOT, env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => this.stderr.push(text));
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => this.stdout.push(text));
    this.ended = once(this.child, 'close').then(([code]) => ({ code: code as number | null, stdout: this.stdout.join(''), stderr: this.stderr.join('') }));
  }

  /** Runs a command to its end. */
  static run(...args: readonly string[]): Promise<Ended> {
    return new Meridian(args).ended;
  }

  /** The first line that it prints: what `dev --json` says when it is ready. */
  async firstLine(): Promise<string> {
    for await (const line of createInterface(this.child.stdout)) return line;
    const { code, stderr } = await this.ended;
    throw new TypeError(`it ended with ${code} before it said anything: ${stderr}`);
  }

  signal(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}
