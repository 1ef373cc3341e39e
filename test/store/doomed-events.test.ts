// What is left of a bucket's events when a process dies while they go: nothing that the next open
// does not find.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { sweepDoomedEvents } from '../../lib/bucket/doomed-events.ts';
import { Events } from '../../lib/context/events.ts';
import { StoreContext } from '../../lib/context/store-context.ts';
import { openEmbedded } from '../../lib/engine/embedded-engine.ts';
import { MemoryEngine } from '../../lib/engine/memory-engine.ts';
import type { StorageEngine } from '../../lib/engine/storage-engine.ts';
import { type Bucket, open } from '../../lib/index.ts';
import { engineWithCommit, storeOver } from '../support/engine-with-commit.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** An engine as one process has it: behind `commits` of them it does nothing any more. */
function mortal(engine: StorageEngine, commits: number): StorageEngine {
  let left = commits;
  return engineWithCommit(engine, async (transaction) => {
    if (left === 0) throw new Error('killed');
    left--;
    return engine.commit(transaction);
  });
}

async function sweep(engine: StorageEngine): Promise<void> {
  const options = { autoCreateBuckets: true, now: Date.now };
  await sweepDoomedEvents(new StoreContext(engine, new Events('', undefined), options));
}

/** Event, floor and doomed rows. */
async function eventRowsIn(engine: StorageEngine): Promise<number> {
  let count = 0;
  for (const letter of [0x45, 0x65]) {
    const range = { start: Uint8Array.of(letter), end: Uint8Array.of(letter + 1) };
    count += (await engine.scan({ ...range, limit: 10_000, textFrom: 0 })).count;
  }
  return count;
}

const told = 2400;

/** An empty bucket with so many events that they go in several commits. */
async function worn(engine: StorageEngine): Promise<Bucket> {
  const bucket = await storeOver(engine).createBucket('docs');
  await bucket.events.set({});
  for (let i = 0; i < told / 2; i++) await bucket.put('key', 'text');
  const from = await bucket.events.last();
  for (let i = 0; i < told / 2 - 1; i++) await bucket.put('key', 'text');
  await bucket.remove('key');
  let rest = 0;
  for await (const { type } of bucket.watch({ from })) {
    rest++;
    if (type === 'ObjectRemoved:Delete') break;
  }
  if (rest !== told / 2) throw new Error(`${rest} events`);
  return bucket;
}

for (const [what, end] of [
  ['a bucket that is deleted', (bucket: Bucket) => bucket.delete()],
  ['a bucket that keeps none any more', (bucket: Bucket) => bucket.events.delete()],
] as const)
  test(`the events of ${what} go with it, whenever the process dies`, async (t) => {
    const deaths = 6;
    for (let commits = 0; commits <= deaths; commits++) {
      const engine = new MemoryEngine();
      await worn(engine);
      const outcome = await end(storeOver(mortal(engine, commits)).bucket('docs')).then(
        () => true,
        () => false,
      );
      t.is(outcome, commits > 0, 'what is left to be cleared is no failure');
      const left = await eventRowsIn(engine);
      if (commits === 0) t.is(left, told + 1);
      else if (commits === deaths) t.is(left, 0);
      else t.true(left > 0 || commits === deaths - 1, `${left} after ${commits}`);
      await sweep(engine);
      t.is(await eventRowsIn(engine), commits === 0 ? told + 1 : 0);
      await sweep(engine);
    }
  });

test('events that are kept again outlive the sweep of the earlier ones', async (t) => {
  const engine = new MemoryEngine();
  await worn(engine);
  await storeOver(mortal(engine, 2)).bucket('docs').events.delete();
  const bucket = storeOver(engine).bucket('docs');
  const from = await bucket.events.last();
  await bucket.put('anew', 'text');
  await sweep(engine);
  t.is(await eventRowsIn(engine), 2);
  for await (const { key } of bucket.watch({ from })) {
    t.is(key, 'anew');
    break;
  }
  // Doomed again before anybody swept: the later row counts.
  await storeOver(mortal(engine, 1)).bucket('docs').events.delete();
  t.is(await eventRowsIn(engine), 2);
  await sweep(engine);
  t.is(await eventRowsIn(engine), 0);
});

test('the next open of a store on disk sweeps', async (t) => {
  const data = join(await temporaryFolder(t), 'data');
  const rootKey = randomBytes(32);
  const openEngine = () =>
    openEmbedded({
      zones: [join(data, 'zone-1')],
      create: true,
      readOnly: false,
      rootKey: Uint8Array.from(rootKey),
      rootHint: Uint8Array.of(1, 0),
      zoneDeadlineMs: 2000,
      small: '1+0',
      large: '1+0',
      largeFrom: 256 * 1024,
    });
  const engine = await openEngine();
  const bucket = storeOver(engine).bucket('docs');
  await bucket.put('key', 'text');
  await bucket.events.set({});
  await bucket.remove('key');
  await storeOver(mortal(engine, 1)).bucket('docs').delete();
  t.is(await eventRowsIn(engine), 2);
  await engine.close();

  const store = await open(data, { rootKey: Uint8Array.from(rootKey) });
  const beside = await openEngine();
  // The sweep runs beside the first calls; the test's own time limit ends it.
  while ((await eventRowsIn(beside)) > 0) await sleep(5);
  await beside.close();
  await store.close();
  t.pass();
});
