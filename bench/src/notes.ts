/**
 * What the page says of a bench beside its figures: what a reader would otherwise take them for, and, where a target is
 * missed, what bounds it. Only what was measured or follows from the code.
 */

/** Told whether or not the targets are met. */
export const NOTES: Readonly<Record<string, string>> = {
  ingest: `The ratio is above 1 because ingest does not send by kafkajs' producer, of which the ceiling is made: it encodes record batches itself and hands them to
kafkajs' connection. All of its CPU time per event can so be less than that of the two it is compared with (\`ratioOfCpu\`). 1 is what a service of the usual parts can reach, no limit of the machine.
\`acks=all\` is of one replica here: a broker that answers has the records in its page cache, and neither another broker nor a disk was waited for. In the table p99 is of \`requests\` requests: of a few hundred it is nearly the largest. That of \`ingest\` is the median of five rounds, which share its \`requests\`.`,
  'ingest-kill': '`kill -9` of ingest, not of the broker, and no loss of power: what is shown is that nothing is answered before the broker has it.',
  cost: `The targets at 1 s, 10 s, 60 s and 5 min are met with the idle time set to the flush age, too (\`MERIDIAN_FLUSH_IDLE_MS\` = \`MERIDIAN_FLUSH_AGE_MS\`), and from 60 s on with stale samples allowed to be three flush ages old (\`MERIDIAN_SAMPLE_STALE_MS\`).
A log that no record reached for the idle time is flushed before it is due. With the flush age alone raised, a log of little traffic has few events in a flush; at 5 min deltas and manifests are then above 1.15 × the floor. Those rows (\`flushIdleMs\` 200, flush age above 1 s) have no target. Flush age 1 s and idle time 200 ms is how it ships.`,
  scale: `Folded and resolved with the settings that ship. What is held beside the rows is of the services: the fold remembers sessions of its log (\`MERIDIAN_STATE_BYTES_MAX\`, 256 MiB), the reacher 200,000 sessions.`,
  freshness: `\`live\`: until the live total has the event. \`inCut\`: until \`/v1/coverage\` tells a cut, reached and resolved here, at or beyond the offset of the 202's \`through\` (looked at every 100 ms).
\`final\`: until the answer is final with the event in, which also asks that no log is behind. An event that is not there after 30 s counts as later than all others, and is \`unfinished\` when it is not final by then. \`errors\`: requests answered neither 200 nor 404.
All of it at a sample a second, the pace of \`meridian dev\` and \`npm run stack\`. As it ships, a log of less than about 16 records a second is sampled every 20 s, and an event of it is final 20 to 25 s after it was accepted ([ADR 0018](adr/0018-samples-set-the-pace.md)).`,
};

/** Of targets that are missed, where they are. */
export const BOUNDS: Readonly<Record<string, string>> = {
  aggregate: 'the fold. In a profile a fifth of the time was the garbage collector (every entry that waits survives until its flush), then look-ups of sessions, the encoding of deltas of one entry, and SHA-256, which the ceiling does not have. Over DynamoDB Local that store is the bound.',
  scale: 'what the services remember, which grows with the sessions only up to its bound: all of 10,000 and 100,000 sessions is remembered, of a million what the bounds allow, and a part of a fixed size is less per session the more there are. The whole process takes less per session at a million, not more. The memory of the rows is flat.',
  freshness: 'DynamoDB Local, which takes `dynamodbLocalWritesPerSecond` inserts a second when nothing else is asked of it, and shares the processors with all else; nearly every event of another session is an insert at least. 1,000 and 10,000 events a second were measured on the embedded stores only, not on the real stack.',
};
