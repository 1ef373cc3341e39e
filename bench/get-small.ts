// How many small gets a second, against reading as many files?
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { open } from 'strongroom';
import { Bodies, shuffled } from './rig/bodies.ts';
import { DurableFiles } from './rig/durable-files.ts';
import { keepInFlight, timed } from './rig/flight.ts';
import { type Cacache, figureOf, type Lmdb } from './rig/peers.ts';
import type { Answer, Peers, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';
import { requireBodies, requireCount } from './rig/stored.ts';

export const getSmall: Question = {
  name: 'get-small',
  asks: '10,000 distinct 4 KiB objects, warm, 64 in flight, over fs.promises.readFile alike',
  better: 'higher',
  unit: 'x',
  goal: 3,
  measures: 'gets/s',
  measure,
};

const size = 4096;
const width = 64;

async function measure(stand: Stand): Promise<Answer> {
  const { place, quick } = stand;
  const [count, passes] = quick ? [500, 1] : [10_000, 4];
  const bodies = new Bodies(size);
  await using store = await open(join(place, 'store'), { zones: 3, rootKey: randomBytes(32) });
  const bucket = store.bucket('bench');
  const files = await DurableFiles.create(join(place, 'files'));
  await inOrder(count, (n) => bucket.put(keyOf(n), bodies.body(n)));
  await inOrder(count, (n) => files.put(keyOf(n), bodies.body(n)));
  await requireCount(bucket, '', count);
  await requireBodies(bucket, keyOf, bodies, count);
  for (let n = 0; n < count; n++) bodies.check(n, await files.get(keyOf(n)), keyOf(n));

  const get = async (n: number): Promise<void> => {
    const bytes = await (await bucket.get(keyOf(n)))?.bytes();
    if (bytes?.length !== size) throw new Error(`${keyOf(n)} is cut`);
  };
  const read = async (n: number): Promise<void> => {
    if ((await files.get(keyOf(n))).length !== size) throw new Error(`${keyOf(n)} is cut`);
  };
  const rate = (one: (n: number) => Promise<void>) => (): Promise<number> =>
    rateOfPasses(count, passes, one);
  const turns = { ours: rate(get), floor: rate(read) };
  await turns.ours();
  await turns.floor();
  const compared = await alternate(stand, quick ? 2 : 9, { ...turns, restMs: 100 });
  await requireBodies(bucket, keyOf, bodies, count);
  await files.close();
  return { ...compared, peers: await peers(place, bodies, count, passes) };
}

function keyOf(n: number): string {
  return `small-${n}`;
}

function inOrder(count: number, one: (n: number) => Promise<unknown>): Promise<void> {
  let n = 0;
  return keepInFlight(width, () => (n < count ? one(n++) : null));
}

/** Gets per second; each pass asks for every object once, in a random order of its own. */
async function rateOfPasses(
  count: number,
  passes: number,
  one: (n: number) => Promise<unknown>,
): Promise<number> {
  let seconds = 0;
  for (let pass = 0; pass < passes; pass++) {
    const order = shuffled(count);
    seconds += await timed(() => inOrder(count, (n) => one(order[n] as number)));
  }
  return (count * passes) / seconds;
}

async function peers(place: string, bodies: Bodies, count: number, passes: number): Promise<Peers> {
  const lmdb = await figureOf<Lmdb>('lmdb', async ({ open }) => {
    const store = open({ path: join(place, 'lmdb') });
    await inOrder(count, (n) => store.put(keyOf(n), bodies.body(n)));
    const rate = await rateOfPasses(count, passes, async (n) => store.get(keyOf(n)));
    await store.close();
    return rate;
  });
  const cacache = await figureOf<Cacache>('cacache', async ({ put, get }) => {
    const cache = join(place, 'cacache');
    await inOrder(count, (n) => put(cache, keyOf(n), bodies.body(n)));
    return rateOfPasses(count, 1, (n) => get(cache, keyOf(n)));
  });
  return { 'lmdb, in the clear': lmdb, 'cacache, in the clear': cacache };
}
