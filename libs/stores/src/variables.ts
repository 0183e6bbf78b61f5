/** The variables that say where a service's stores are and how to reach them. `open.ts` opens what they name. */
import { whole } from '@meridian/http';
import { z } from 'zod';
import {
  EVENT_LOG_FORMS, LEDGER_FORMS, parseEventLogAddress, parseLedgerAddress, type EventLogAddress, type LedgerAddress,
} from './address';

/** What to do instead of running services one by one. */
export const SINGLE_PROCESS = 'run "npx meridian dev", which runs every service of three regions in one process on the embedded stores';

/** Of every service. */
export const ledgerVariables = {
  MERIDIAN_LEDGER: address("its region's replica of the ledger", LEDGER_FORMS, parseLedgerAddress),
  MERIDIAN_CONTROL: address('the control table, which holds the registry of logs and the cuts', LEDGER_FORMS, parseLedgerAddress),
  // Connections and calls in flight, for the ledger and for the control table each.
  MERIDIAN_DYNAMODB_CONCURRENCY: whole({ min: 1, max: 4_096, value: 64 }),
} as const;

/** Of reconciliation. */
export const derivedVariables = {
  MERIDIAN_DERIVED: address("the region's own store of derived rows, which is not replicated", LEDGER_FORMS, parseLedgerAddress),
} as const;

/** How to reach Kafka, for whoever does. */
export const kafkaVariables = {
  MERIDIAN_KAFKA_TLS: flag('talk TLS to the brokers'),
  MERIDIAN_KAFKA_TLS_CA_FILE: z.string().optional(),
  MERIDIAN_KAFKA_SASL: z
    .enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512', 'msk-iam'], { error: 'must be one of none, plain, scram-sha-256, scram-sha-512, msk-iam; leave it out for none' })
    .default('none'),
  MERIDIAN_KAFKA_USERNAME: z.string().optional(),
  MERIDIAN_KAFKA_PASSWORD: z.string().optional(),
} as const;

/** Of the services that open the region's log. */
export const eventLogVariables = {
  MERIDIAN_EVENT_LOG: address("its region's log", EVENT_LOG_FORMS, parseEventLogAddress),
  MERIDIAN_EVENT_LOG_TOPIC: z.string().default('events'),
  MERIDIAN_EVENT_LOG_PARTITIONS: whole({ min: 1, max: 1_024, value: 4 }),
  ...kafkaVariables,
} as const;

/** Of the services that append to it. */
export const appendVariables = {
  MERIDIAN_KAFKA_COMPRESSION: z.enum(['none', 'gzip'], { error: 'must be none or gzip; leave it out for none' }).default('none'),
  MERIDIAN_KAFKA_BATCH_BYTES_MAX: whole({ min: 1_024, max: 2 ** 27, value: 524_288 }),
  MERIDIAN_KAFKA_SENDS_IN_FLIGHT_MAX: whole({ min: 1, max: 64, value: 2 }),
} as const;

/** Of the services that consume it. */
export const groupVariables = {
  MERIDIAN_KAFKA_GROUP: z.string().default('meridian-aggregator'),
  MERIDIAN_KAFKA_SESSION_TIMEOUT_MS: whole({ min: 1_000, max: 1_800_000, value: 30_000 }),
} as const;

function address<Address extends EventLogAddress | LedgerAddress>(what: string, forms: string, parse: (text: string) => Address | string): z.ZodType<Address, string | undefined> {
  return z.string({ error: `not set: this process needs ${what}; set it to ${forms}, or ${SINGLE_PROCESS}` }).transform((text, context): Address => {
    const parsed = parse(text);
    if (typeof parsed !== 'string') return parsed;
    context.issues.push({ code: 'custom', input: text, message: parsed });
    return z.NEVER;
  });
}

function flag(does: string): z.ZodType<boolean, string | undefined> {
  return z.enum(['false', 'true'], { error: `must be true (${does}) or false; leave it out for false` }).default('false').transform((text) => text === 'true');
}
