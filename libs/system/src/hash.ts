/** SHA-256 by Node. The one-call form: several times as fast as a hash object on inputs as small as names and entries. */
import { hash } from 'node:crypto';
import type { Hash } from '@meridian/accounting';

export const nodeHash: Hash = {
  text: (text) => hash('sha256', text, 'binary'),
  bytes: (bytes) => hash('sha256', bytes, 'binary'),
};
