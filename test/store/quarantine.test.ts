// What healing set aside: listed with its place, its reason and its time, whatever else lies there.
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { open, openMemory, type Store } from '../../lib/index.ts';
import { rejection } from '../suite/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { filesIn, flip } from '../support/zone-files.ts';

test('what was set aside is listed with its place, its reason and its time', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  await using store = await open(path, { zones: 3 });
  for (let i = 0; i < 20; i++) await store.bucket('docs').put(`small/${i}`, `text ${i}`);
  await store.bucket('docs').put('large', randomBytes(900_000));
  const began = Date.now();
  for (const zone of [1, 3]) {
    const folder = join(path, `zone-${zone}`);
    const [log = ''] = await filesIn(join(folder, 'log'));
    const [blob = ''] = await filesIn(join(folder, 'blob'));
    await flip(log, 5 * 4096 + 100);
    await flip(blob, 100_000);
  }
  t.is((await store.health.status()).quarantined, 0);
  t.like(await store.health.heal(), { found: 4, healed: 4 });
  t.is((await store.health.status()).quarantined, 4);
  // What somebody else put there is nobody's business.
  await writeFile(join(path, 'zone-1', 'quarantine', 'notes~\u001b[2J.txt'), 'mine');
  const listed = [];
  for await (const each of store.health.quarantine()) listed.push(each);
  t.deepEqual(
    listed.map(({ zone }) => zone),
    [1, 1, 3, 3],
  );
  t.true(listed.every(({ reason }) => reason === 'rot'));
  t.true(
    listed.every(({ since }) => since.getTime() >= began - 1 && since.getTime() <= Date.now()),
  );
  const whats = listed.map(({ what }) => what).filter((_, i) => i % 2 === 0);
  t.true(
    whats.every((what) => /^[0-9a-f]{8}\.seg@\d+$/.test(what)),
    whats.join(),
  );
  t.true(listed.some(({ what }) => /^[0-9a-f]{32}\.0$/.test(what)));
  // Page after page, in the order of the names.
  const folder = join(path, 'zone-2', 'quarantine');
  await mkdir(folder);
  const many = Array.from({ length: 600 }, (_, i) => `${i}`.padStart(4, '0'));
  for (const n of many) await writeFile(join(folder, `${n}.0~stale~${Number(n)}~0000${n}`), '');
  const whole = [];
  for await (const each of store.health.quarantine()) whole.push(each);
  t.is(whole.length, 604);
  const paged = whole.filter(({ zone }) => zone === 2);
  t.deepEqual(
    paged.map(({ what }) => what),
    many.map((n) => `${n}.0`),
  );
  t.like(paged[599], { reason: 'stale', since: new Date(599) });
  await store.close();
  const closed = store.health.quarantine();
  await rejection(t, closed.next(), 'STORE_CLOSED');
});

async function all(store: Store): Promise<unknown[]> {
  const listed = [];
  for await (const each of store.health.quarantine()) listed.push(each);
  return listed;
}

test('a zone that is not here is not taken for one that set nothing aside', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  await (await open(path, { zones: 3 })).close();
  const zones = [1, 2].map((zone) => join(path, `zone-${zone}`));
  await using store = await open(path, { zones: [...zones, join(path, 'nowhere')] });
  const { quarantined } = await store.health.status();
  t.is(quarantined, 0);
  await rejection(t, all(store), 'ZONE_UNAVAILABLE');
  await using memory = await openMemory();
  t.deepEqual(await all(memory), []);
});
