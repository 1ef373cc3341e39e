// How many durable 4 KiB puts a second, on three zones, against careful code on node:fs?
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { open } from 'strongroom';
import { Bodies } from './rig/bodies.ts';
import { rateOver } from './rig/flight.ts';
import { type Cacache, figureOf, type Lmdb } from './rig/peers.ts';
import type { Answer, Peers, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';
import { SmallPuts } from './rig/small-puts.ts';

export const putSmall: Question = {
  name: 'put-small',
  asks: 'durable 4 KiB puts, 64 in flight, three zones, over node:fs with fsync and rename',
  better: 'higher',
  unit: 'x',
  goal: 5,
  measures: 'puts/s',
  measure,
};

async function measure(stand: Stand): Promise<Answer> {
  const { place, quick } = stand;
  const seconds = quick ? 0.1 : 3;
  await using store = await open(join(place, 'store'), { zones: 3, rootKey: randomBytes(32) });
  const puts = await SmallPuts.create(store.bucket('bench'), place);
  // Code is compiled, the log's first segments are laid out.
  await puts.ours(seconds / 2);
  await puts.floor(seconds / 2);
  const compared = await alternate(stand, quick ? 2 : 7, {
    ours: () => puts.ours(seconds),
    floor: () => puts.floor(seconds),
    restMs: 500,
  });
  await puts.check();
  return { ...compared, peers: await peers(place, seconds) };
}

/** Puts per second. lmdb waits for its sync as we do, cacache never syncs. */
async function peers(place: string, seconds: number): Promise<Peers> {
  const bodies = new Bodies(4096);
  let n = 0;
  const lmdb = await figureOf<Lmdb>('lmdb', async ({ open }) => {
    const store = open({ path: join(place, 'lmdb'), mapSize: 2 ** 33 });
    const rate = await rateOver(seconds, 64, async () => {
      const key = `put/${n}`;
      await store.put(key, bodies.body(n++));
      await store.flushed;
    });
    await store.close();
    return rate;
  });
  const cacache = await figureOf<Cacache>('cacache', ({ put }) =>
    rateOver(seconds, 64, () => put(join(place, 'cacache'), `put/${n}`, bodies.body(n++))),
  );
  return { lmdb, 'cacache, not synced': cacache };
}
