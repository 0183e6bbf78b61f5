/**
 * Loaded into a service before its own code (`node --require`): its clock is wrong by MERIDIAN_FAULTS_SKEW_MS.
 * A test's business only; timers go on as they do.
 */
import process from 'node:process';

const skewMs = Number(process.env['MERIDIAN_FAULTS_SKEW_MS'] ?? 0);
const now = Date.now.bind(Date);

class SkewedDate extends Date {
  constructor(...given: readonly unknown[]) {
    super(...((given.length === 0 ? [now() + skewMs] : given) as [number]));
  }

  static override now(): number {
    return now() + skewMs;
  }
}

globalThis.Date = SkewedDate as DateConstructor;
