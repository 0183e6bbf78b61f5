/** Finds Java and Maven, or says what to install: the only things the stack needs beside this repository. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StackError } from './errors';

const run = promisify(execFile);

export const JAVA_VERSION_MIN = 17;
const ASK_TIMEOUT_MS = 30_000;

const INSTALL_JAVA = `Install Java ${JAVA_VERSION_MIN} or newer, for example:
  Debian, Ubuntu   sudo apt-get install openjdk-17-jre-headless
  Fedora           sudo dnf install java-17-openjdk-headless
  macOS            brew install openjdk@17
and put it on the PATH, or set JAVA_HOME.`;

const INSTALL_MAVEN = `Install Maven 3.8 or newer, for example:
  Debian, Ubuntu   sudo apt-get install maven
  Fedora           sudo dnf install maven
  macOS            brew install maven
and put it on the PATH. It is needed once: to fetch Kafka and DynamoDB Local.`;

type Environment = Readonly<Record<string, string | undefined>>;

/** The command that starts Java, checked: rejects with `stack_missing_tool`. */
export async function findJava(env: Environment = process.env): Promise<string> {
  const home = env['JAVA_HOME'];
  const java = home ? join(home, 'bin', 'java') : 'java';
  const said = await ask(java, ['-version'], env);
  if (said === undefined) throw new StackError('stack_missing_tool', `${home ? `There is no Java at JAVA_HOME (${home}).` : 'There is no Java on the PATH.'} ${INSTALL_JAVA}`);
  const version = javaVersion(said);
  if (version === undefined || version < JAVA_VERSION_MIN) {
    throw new StackError('stack_missing_tool', `${java} is ${said.split('\n')[0] ?? 'of an unknown version'}, which is too old. ${INSTALL_JAVA}`);
  }
  return java;
}

/** The command that starts Maven: rejects with `stack_missing_tool`. */
export async function findMaven(env: Environment = process.env): Promise<string> {
  if ((await ask('mvn', ['--version'], env)) === undefined) throw new StackError('stack_missing_tool', `There is no Maven on the PATH. ${INSTALL_MAVEN}`);
  return 'mvn';
}

/** `openjdk version "17.0.15" 2025-04-15` → 17; `java version "1.8.0_402"` → 8. */
export function javaVersion(said: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(said) ?? [];
  if (first === undefined) return undefined;
  return first === '1' ? Number(second) : Number(first);
}

async function ask(command: string, args: readonly string[], env: Environment): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(command, args, { env: { ...env }, timeout: ASK_TIMEOUT_MS });
    return `${stderr}${stdout}`.trim();
  } catch {
    // Not there, or there and out of order: for whoever has to install it the same.
    return undefined;
  }
}
