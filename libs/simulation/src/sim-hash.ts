/** SHA-256 for the simulated world: the same as in production, so that keys and digests are too. */
import { createHash } from 'node:crypto';
import type { Hash } from '@meridian/accounting';

export const simulationHash: Hash = {
  text: (text) => createHash('sha256').update(text).digest('binary'),
  bytes: (bytes) => createHash('sha256').update(bytes).digest('binary'),
};
