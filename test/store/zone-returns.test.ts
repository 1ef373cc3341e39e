// A zone that is away when the store is opened and comes back while it serves, as a user sees it.
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { open, type StoreEvent } from '../../lib/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('a zone that comes back is taken in, healed, and may stand in for another', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  const events: StoreEvent['type'][] = [];
  const logger = { warn: (event: StoreEvent) => events.push(event.type) };
  const openStore = () => open(path, { zones: 3, logger: logger as never });
  const large = Buffer.alloc(700_000, 'l');

  const first = await openStore();
  const made = await first.createBucket('docs');
  await made.put('before', 'small');
  await first.close();

  await rename(join(path, 'zone-2'), join(path, 'away'));
  const store = await openStore();
  const bucket = store.bucket('docs');
  await bucket.put('meanwhile', large);
  const without = await store.health.status();
  t.false(without.ok);
  t.is(without.withoutRedundancy, 1);

  await rename(join(path, 'away'), join(path, 'zone-2'));
  await until(async () => (await store.health.status()).ok);
  t.is((await store.health.status()).withoutRedundancy, 0);
  await bucket.put('after', 'small again');
  await store.close();

  // Without another zone: what came back holds all that the lost one held.
  await rename(join(path, 'zone-1'), join(path, 'away'));
  const again = await openStore();
  const there = again.bucket('docs');
  t.is(await (await there.get('before'))?.text(), 'small');
  t.is(await (await there.get('after'))?.text(), 'small again');
  t.deepEqual(Buffer.from((await (await there.get('meanwhile'))?.bytes()) ?? []), large);
  await again.close();
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it never came to that');
}
