/** For this library's own tests: the machine's hash and a clock that stands until it is moved. */
import { createHash } from 'node:crypto';
import type { Clock, Hash } from '@meridian/accounting';

export const hash: Hash = {
  text: (text) => createHash('sha256').update(text, 'utf8').digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};

export class StandingClock implements Clock {
  constructor(private time: number) {}

  now(): number {
    return this.time;
  }

  move(ms: number): void {
    this.time += ms;
  }

  sleep(): Promise<void> {
    return Promise.resolve();
  }
}
