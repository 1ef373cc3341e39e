// The rescue reader over stores whose log was compacted many times: without any one zone it tells
// what the store tells, and nothing of what was deleted; also where retired segments are left over,
// and where a zone was away meanwhile.
import { randomBytes } from 'node:crypto';
import { cp, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { open, type Store } from '../../lib/index.ts';
import { rescueStore } from '../../lib/rescue/rescue.ts';
import { found } from '../suite/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Told {
  readonly etag: string;
  readonly body: Buffer;
}

/** A past of every kind: overwritten, deleted much later, inserted again, copied without source. */
async function live(store: Store, round: number, large = 300_000): Promise<void> {
  const docs = store.bucket('docs');
  for (let i = 0; i < 9; i++) await docs.put(`over-${i % 3}`, randomBytes(3000 + i));
  for (let i = 0; i < 5; i++) await docs.put(`gone-${round}-${i}`, randomBytes(2000));
  for (let i = 0; i < 5 && round > 0; i++) await docs.remove(`gone-${round - 1}-${i}`);
  await docs.put('large', randomBytes(large + round));
  await docs.copy('large', `copy-${round % 2}`);
  await docs.remove('large');
  if (round % 3 !== 2) await docs.put('again', `again ${round}`);
  else await docs.remove('again');
  await docs.put(`stays-${round}`, `text ${round}`);
}

async function tellOf(store: Store): Promise<Map<string, Told>> {
  const docs = store.bucket('docs');
  const told = new Map<string, Told>();
  for (const { key } of await docs.list().toArray()) {
    const object = await found(docs.get(key));
    told.set(key, { etag: object.etag, body: Buffer.from(await object.bytes()) });
  }
  return told;
}

/** One process; what the store tells at its end. */
async function inStore(folder: string, work: (store: Store) => Promise<unknown>) {
  const store = await open(folder, { zones: 3 });
  try {
    await work(store);
    return await tellOf(store);
  } finally {
    await store.close();
  }
}

const compacted = (store: Store): Promise<unknown> => store.health.compact();

/** A store that was compacted four times in two processes. */
async function makeStore(folder: string): Promise<void> {
  for (const round of [0, 2])
    await inStore(folder, async (store) => {
      await live(store, round);
      await store.health.compact();
      await live(store, round + 1);
      await store.health.compact();
    });
}

const zoneOf = (folder: string, number: number): string => join(folder, `zone-${number}`);

async function segmentsOf(zone: string): Promise<string[]> {
  return (await readdir(join(zone, 'log'))).filter((name) => name.endsWith('.seg')).sort();
}

async function expectRescued(
  t: ExecutionContext,
  folder: string,
  numbers: number[],
  told: Map<string, Told>,
): Promise<void> {
  const zones = numbers.map((number) => zoneOf(folder, number));
  const rescued = await rescueStore(zones, { rootKey: { file: `${folder}.rootkey` } });
  t.deepEqual(rescued.losses, { holes: [], unreadable: [], forked: 0, rows: 0 });
  const objects = rescued.objects();
  t.deepEqual(objects.map(({ key }) => key).sort(), [...told.keys()].sort());
  for (const object of objects) {
    const chunks: Buffer[] = [];
    for await (const chunk of object.stream()) chunks.push(chunk);
    t.is(object.etag, told.get(object.key)?.etag as string, object.key);
    t.true(Buffer.concat(chunks).equals(told.get(object.key)?.body as Buffer), object.key);
  }
}

const twoOfThree = [
  [2, 3],
  [1, 3],
  [1, 2],
];

test('without any one zone it tells what the store tells', async (t) => {
  const folder = join(await temporaryFolder(t), 'data');
  await makeStore(folder);
  const told = await inStore(folder, async () => {});
  t.false([...told.keys()].some((key) => /^gone-[0-2]-|^large$/.test(key)));
  t.true(told.has('gone-3-4') && told.has('copy-0') && told.has('copy-1'));
  for (const numbers of [[1, 2, 3], ...twoOfThree]) await expectRescued(t, folder, numbers, told);
});

// A crash between the new beginning of the log and the unlinking leaves them, all or some: also a
// put without its delete.
test('retired segments that are left over bring nothing back', async (t) => {
  const folder = join(await temporaryFolder(t), 'data');
  await makeStore(folder);
  for (const round of [4, 5, 6]) await inStore(folder, (store) => live(store, round));
  const before = join(folder, '..', 'before');
  await cp(folder, before, { recursive: true });
  const told = await inStore(folder, compacted);
  const stand = new Set(await segmentsOf(zoneOf(folder, 1)));
  const retired = (await segmentsOf(zoneOf(before, 1))).filter((name) => !stand.has(name));
  t.true(retired.length >= 3);
  // The oldest alone, then all; in one zone, in two, in each.
  for (const some of [retired.slice(0, 2), retired])
    for (const number of [1, 2, 3]) {
      const [from, to] = [zoneOf(before, number), zoneOf(folder, number)];
      for (const name of some) await cp(join(from, 'log', name), join(to, 'log', name));
      for (const numbers of [[1, 2, 3], ...twoOfThree])
        await expectRescued(t, folder, numbers, told);
    }
});

test('a zone that was away during a compaction brings nothing back', async (t) => {
  const folder = join(await temporaryFolder(t), 'data');
  await makeStore(folder);
  await rename(zoneOf(folder, 3), `${folder}-away`);
  const told = await inStore(folder, async (store) => {
    // What is large has cells in two zones only, meanwhile: it is not what this is about.
    await live(store, 4, 2000);
    await store.bucket('docs').remove('copy-1');
    await store.health.compact();
  });
  await rename(`${folder}-away`, zoneOf(folder, 3));
  for (const numbers of [[1, 2, 3], ...twoOfThree]) await expectRescued(t, folder, numbers, told);
});
