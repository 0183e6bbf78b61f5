/** What the controllers are given. */
import type { Clock } from '@meridian/accounting';
import { token } from '@meridian/http';
import type { Jobs, Reader } from '@meridian/pipeline';

export const READER = token<Reader>('reader');
export const JOBS = token<Jobs>('jobs');
export const CLOCK = token<Clock>('clock');
