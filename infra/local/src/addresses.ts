/** Names of the tables and the topic that all of the stack use, and addresses of them as the services take them. */
import type { Layout } from './part';

export const LEDGER_TABLE = 'meridian-ledger';
export const CONTROL_TABLE = 'meridian-control';
export const DERIVED_TABLE = 'meridian-derived';
export const TOPIC = 'events';

/** A region's replica of the ledger. */
export function ledgerAddress({ dynamodb }: Layout, region: string): string {
  return `dynamodb:${LEDGER_TABLE}?region=${region}&endpoint=${dynamodb[region]}`;
}

/** A region's own, and not replicated. */
export function derivedAddress({ dynamodb }: Layout, region: string): string {
  return `dynamodb:${DERIVED_TABLE}?region=${region}&endpoint=${dynamodb[region]}`;
}

/** One table for all, in the first region. */
export function controlAddress({ dynamodb, regions: [first = ''] }: Layout): string {
  return `dynamodb:${CONTROL_TABLE}?region=${first}&endpoint=${dynamodb[first]}`;
}

export function eventLogAddress({ kafka }: Layout, region: string): string {
  return `kafka:${kafka[region]}`;
}
