// Closing a store whose caller does not: bodies that never come, in any store alike.
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { openMemory } from '../../lib/index.ts';
import { rejection } from '../suite/support.ts';

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
