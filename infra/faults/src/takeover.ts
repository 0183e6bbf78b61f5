/** A region's aggregators are gone: another region folds its logs, by the operator's command, and gives them back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST } from '@meridian/local';
import type { Fault, World } from './fault';

const TAKEN_MS = 10_000;

function ownersOf(region: string): readonly string[] {
  return [`aggregator/${region}/1`, `aggregator/${region}/2`];
}

function takeOver({ api }: World, region: string, writer: string): Promise<void> {
  return api.command(writer, '/v1/logs/takeover', { region, writer });
}

export function takeoverFault(): Fault {
  let taken: { readonly region: string; readonly taker: string } | undefined;
  return {
    name: 'takeover',
    what: "a region's aggregators are killed, another region takes its logs over, all is exact, and they go back",
    async inject(world) {
      const { processes, random, regions, fronts, load, settled, say } = world;
      const [region, writer] = random.shuffled(regions) as [string, string];
      taken = { region, taker: `aggregator/${writer}/2` };
      say(`${writer} takes over the logs of ${region}`);
      await processes.crash(...ownersOf(region));
      await takeOver(world, region, writer);
      await processes.restart(taken.taker, { MERIDIAN_LOG_REGION: region, MERIDIAN_EVENT_LOG: `kafka:${HOST}:${fronts.clientPortOf('kafka', region)}` });
      await sleep(TAKEN_MS);
      await settled();
      load.resume();
      await sleep(TAKEN_MS);
    },
    async heal(world) {
      if (!taken) return;
      const { region, taker } = taken;
      await takeOver(world, region, region);
      await Promise.all(ownersOf(region).map((name) => world.processes.up(name)));
      // It has written on past the point where the logs went back: ignored.
      await world.processes.restart(taker);
    },
  };
}
