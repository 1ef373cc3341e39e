// Closing a store whose caller does not: bodies that never come, in any store alike.
import { existsSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { open, openMemory } from '../../lib/index.ts';
import { rejection } from '../suite/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function* stall(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(10);
  await new Promise(() => {});
}

async function* drip(pieces: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < pieces; i++) {
    yield new Uint8Array(10);
    await sleep(100);
  }
}

test('a body that never comes is interrupted', async (t) => {
  const store = await openMemory();
  const bucket = store.bucket('docs');
  const stalled = rejection(t, bucket.put('key', stall()), 'STORE_CLOSED');
  // If it were waited for, the time limit of the test would come first.
  await store.close();
  await stalled;
});

test('a body that comes slowly is waited for', async (t) => {
  const store = await openMemory();
  const dripping = store.bucket('docs').put('key', drip(65));
  await store.close();
  t.is((await dripping).size, 650);
});

/** Of this process, below `folder`. */
function openFiles(folder: string): string[] {
  const below = `${realpathSync(folder)}/`;
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(below) ? [path.slice(below.length)] : [];
    } catch {
      return []; // That of the listing itself.
    }
  });
}

// The story: a disk could not be unmounted after the close, for segments of the log were open until
// the garbage collector came for the store.
const onLinux = existsSync('/proc/self/fd') ? test : test.skip;
onLinux('after the close no file of the store is open (looks into /proc)', async (t) => {
  const folder = await temporaryFolder(t);
  for (const zones of [1, 3] as const) {
    const place = join(folder, `${zones}`);
    const rootKey = () => new Uint8Array(32).fill(7);
    const store = await open(place, { zones, rootKey });
    await store.bucket('docs').put('small', 'a');
    await store.bucket('docs').put('large', new Uint8Array(600_000));
    t.true(openFiles(place).length > 0);
    const found = await store.bucket('docs').get('large');
    t.is((await found?.bytes())?.length, 600_000);
    await store.close();
    t.deepEqual(openFiles(place), []);
  }
});
