// Compaction as a user meets it: space comes back, everything that stands is read as before, and
// any one zone's log alone tells the same afterwards.
import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { open, type Store, type UploadedPart } from '../../lib/index.ts';
import { rescueStore } from '../../lib/rescue/rescue.ts';
import { found } from '../suite/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const secret = randomBytes(32);
/** Another array each time: it is overwritten once it was taken. */
const rootKey = (): Buffer => Buffer.from(secret);

async function segments(zone: string): Promise<number> {
  return (await readdir(join(zone, 'log'))).filter((name) => name.endsWith('.seg')).length;
}

async function logBytes(zone: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(join(zone, 'log')))
    bytes += (await stat(join(zone, 'log', name))).size;
  return bytes;
}

/** An object in parts, copied, and its source removed: what is left is the copy. */
async function copyOfParts(store: Store, parts: readonly Buffer[]): Promise<void> {
  const docs = store.bucket('docs');
  const upload = await docs.upload('source');
  const uploaded: UploadedPart[] = [];
  for (const [i, part] of parts.entries()) uploaded.push(await upload.part(i + 1, part));
  await upload.complete(uploaded);
  await docs.copy('source', 'copy');
  await docs.remove('source');
}

test('a store that was compacted many times reads as before, and from any one log', async (t) => {
  const folder = await temporaryFolder(t);
  const zones = [1, 2, 3].map((number) => join(folder, `zone-${number}`));
  const parts = [randomBytes(100 * 1024), randomBytes(400 * 1024), randomBytes(5)];
  const expected = new Map<string, Buffer>();
  for (let round = 0; round < 3; round++) {
    const store = await open(folder, { zones, rootKey: rootKey() });
    const docs = store.bucket('docs');
    if (round === 0) {
      await copyOfParts(store, parts);
      expected.set('copy', Buffer.concat(parts));
    }
    for (let i = 0; i < 40; i++) {
      const body = randomBytes(20_000 + i);
      await docs.put(`over-${i % 4}`, body);
      expected.set(`over-${i % 4}`, body);
      await docs.put(`gone-${i}`, body);
    }
    await docs.put(`stays-${round}`, `text ${round}`);
    expected.set(`stays-${round}`, Buffer.from(`text ${round}`));
    for (let i = 0; i < 40; i++) await docs.remove(`gone-${i}`);
    await store.health.compact();
    const { log } = await store.health.status();
    t.is(log.blocked, null);
    t.true(log.bytes < 1.5 * log.liveBytes + 1_000_000, JSON.stringify(log));
    for (const [key, body] of expected)
      t.true(Buffer.from(await (await found(docs.get(key))).bytes()).equals(body), key);
    t.is(await docs.get('gone-7'), null);
    t.is(await docs.get('source'), null);
    await store.close();
  }
  for (const zone of zones) {
    t.true((await segments(zone)) <= 4);
    t.true((await logBytes(zone)) < 3_000_000);
    const rescued = await rescueStore([zone], { rootKey: rootKey() });
    t.deepEqual(rescued.losses, { holes: [], unreadable: [], forked: 0, rows: 0 });
    t.deepEqual(
      rescued.objects().map(({ key }) => key),
      [...expected.keys()].sort(),
    );
  }
  // No index is left: what the zones' logs say is all there is.
  for (const zone of zones) await rm(join(zone, 'index'), { recursive: true });
  const again = await open(folder, { zones, rootKey: rootKey() });
  t.teardown(() => again.close());
  for (const [key, body] of expected) {
    const bytes = await (await found(again.bucket('docs').get(key))).bytes();
    t.true(Buffer.from(bytes).equals(body), key);
  }
  t.is(await again.bucket('docs').get('gone-7'), null);
});

test('opens and closes do not pile up', async (t) => {
  const folder = join(await temporaryFolder(t), 'data');
  for (let i = 0; i < 24; i++) {
    const store = await open(folder, { zones: 1, rootKey: rootKey() });
    await store.bucket('docs').put('key', `${i}`);
    await store.close();
  }
  const store = await open(folder, { rootKey: rootKey(), zones: 1 });
  t.teardown(() => store.close());
  await store.health.compact();
  const { log } = await store.health.status();
  t.true(log.segments <= 2);
  t.is(await (await found(store.bucket('docs').get('key'))).text(), '23');
});

// The story: a compaction that carried the parts of an upload was refused when the upload ended.
test('uploads that end meanwhile do not stop it', async (t) => {
  const store = await open(await temporaryFolder(t), { zones: 1, rootKey: rootKey() });
  t.teardown(() => store.close());
  const bucket = store.bucket('docs');
  let ended = false;
  const uploads = (async () => {
    for (let n = 0; n < 60; n++) {
      const upload = await bucket.upload(`film-${n % 3}`);
      await upload.part(1, new Uint8Array(100 * 1024).fill(n));
      await upload.part(2, new Uint8Array(10).fill(n));
      await (n % 2 === 0 ? upload.complete() : upload.abort());
    }
  })().finally(() => {
    ended = true;
  });
  while (!ended) await t.notThrowsAsync(store.health.compact());
  await uploads;
  t.is((await (await found(bucket.get('film-2'))).bytes()).at(-1), 56);
});
