/**
 * `ingest --kill N`: N times over, an ingest is killed with SIGKILL right after it has answered 202, and another takes
 * its place. At the end the topic, read by kafkajs alone, must hold every event that was answered.
 */
import { batchHeaders } from './accept';
import { ingestSetup } from './ingest';
import { readIds } from './kafkajs-alone';
import { KAFKA, makeTopic, withParts } from './parts';
import type { BenchOptions, BenchResult } from './result';
import { MODEL, PROVIDER, SOURCE } from './sample';
import type { Service } from './services';

const TOPIC = 'events';
/** Requests on the way when the first of them is answered; the others may or may not be. */
const REQUESTS = 4;
const BATCH = 25;
/** Ingests that start while others are killed: a start takes far longer than a request. */
const WARM = 2;

export async function ingestKill(kills: number, { progress }: Pick<BenchOptions, 'progress'>): Promise<BenchResult> {
  progress('ingest: starting Kafka');
  return withParts(['kafka'], async ({ directory, broker }) => {
    await makeTopic(broker, TOPIC);
    const { key, start } = await ingestSetup(directory, broker);
    const acknowledged: string[] = [];
    let answered = 0;
    const starting = Array.from({ length: Math.min(WARM, kills) }, start);
    try {
      for (let kill = 0; kill < kills; kill++) {
        progress(`ingest: kill ${kill + 1} of ${kills}`);
        const service = await (starting.shift() as Promise<Service>);
        if (kill + WARM < kills) starting.push(start());
        const ids = await postAndKill(service, key, kill);
        if (ids.length > 0) answered++;
        acknowledged.push(...ids);
      }
    } finally {
      for (const one of await Promise.allSettled(starting)) if (one.status === 'fulfilled') one.value.child.kill('SIGKILL');
    }
    progress('ingest: reading the topic');
    const there = await readIds(broker, TOPIC);
    const lost = acknowledged.filter((id) => !there.has(id)).length;
    return {
      bench: 'ingest-kill',
      conditions: { stores: `${KAFKA}; rows in LevelDB`, settings: {} },
      figures: { kills, answered, acknowledged: acknowledged.length, inTopic: there.size, lost },
      targets: [
        { name: 'events answered 202 that the topic lacks', is: lost, atMost: 0 },
        // Nothing answered is nothing lost.
        { name: 'kills of an ingest that had answered 202', is: answered, atLeast: kills },
      ],
    };
  });
}

/** Sends a few batches at once, kills at the first answer; ids of those that were answered 202. */
async function postAndKill({ url, child }: Service, key: string, kill: number): Promise<string[]> {
  const dead = new Promise((resolve) => child.once('exit', resolve));
  const answered = await Promise.all(Array.from({ length: REQUESTS }, async (_, request) => {
    const events = Array.from({ length: BATCH }, (_, at) => event(`${kill}-${request}-${at}`));
    try {
      const response = await fetch(`${url}/v1/events`, { method: 'POST', headers: batchHeaders(key), body: JSON.stringify(events) });
      child.kill('SIGKILL');
      return response.status === 202 ? events.map(({ id }) => id) : [];
    } catch {
      // Killed before it answered: nothing was promised.
      return [];
    }
  }));
  child.kill('SIGKILL');
  await dead;
  return answered.flat();
}

function event(id: string): { readonly id: string } & Record<string, unknown> {
  return {
    specversion: '1.0', type: 'meridian.usage.v1', source: SOURCE, id, subject: `session-${id}`, time: new Date().toISOString(),
    data: { provider: PROVIDER, model: MODEL, tokens: { input: 1, output: 1 } },
  };
}
