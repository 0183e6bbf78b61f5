/** What a figure is worth nothing without: of which commit, when, for how long and on which machine it was measured. */
import { execFileSync } from 'node:child_process';
import { arch, cpus, platform, totalmem } from 'node:os';

export interface Measured {
  /** Abbreviated, `-dirty` when files differed from it; `unknown` where git cannot say. */
  readonly commit: string;
  /** When the bench began, RFC 3339, UTC. */
  readonly date: string;
  /** `--seconds`. */
  readonly seconds: number;
  readonly machine: string;
}

const GIB = 1024 ** 3;

export function measuredNow(seconds: number): Measured {
  return { commit: commit(), date: `${new Date().toISOString().slice(0, 19)}Z`, seconds, machine: machine() };
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=10', '--exclude=*'], { cwd: __dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    // A source archive has no history, an image no git.
    return 'unknown';
  }
}

function machine(): string {
  const processors = cpus();
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}, ${(totalmem() / GIB).toFixed(0)} GiB, ${platform()} ${arch()}, Node ${process.version}`;
}
