/** What the controllers are given. */
import type { Clock } from '@meridian/accounting';
import { token } from '@meridian/http';
import type { HandoverParts, Jobs, Reader } from '@meridian/pipeline';

export const READER = token<Reader>('reader');
export const JOBS = token<Jobs>('jobs');
export const CLOCK = token<Clock>('clock');

/** What an operator's requests are carried out with. */
export interface OperatorParts extends HandoverParts {
  readonly clock: Clock;
}
export const OPERATOR = token<OperatorParts>('operator');
