// The driver of unstorage, used through unstorage's own createStorage(). The package ships no test
// utilities, so the contract is written here after its documented interface.
import { Blob } from 'node:buffer';
import { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import {
  createStorage,
  type Driver,
  prefixStorage,
  restoreSnapshot,
  type Storage,
  type StorageValue,
  snapshot,
} from 'unstorage';
import { type UnstorageOptions, unstorageDriver } from '../../lib/drivers/unstorage.ts';
import { type Bucket, openMemory, StoreError } from '../../lib/index.ts';

async function opened(
  t: ExecutionContext,
  options?: Omit<UnstorageOptions, 'bucket'>,
): Promise<{ bucket: Bucket; driver: Driver; storage: Storage }> {
  const store = await openMemory();
  t.teardown(() => store.close());
  const bucket = store.bucket('cache');
  // Assignable as it stands: the types of the driver name none of unstorage's.
  const driver: Driver = unstorageDriver({ bucket, ...options });
  return { bucket, driver, storage: createStorage({ driver }) };
}

test('an empty storage, whose bucket does not exist yet, reads as empty', async (t) => {
  const { bucket, storage } = await opened(t);
  t.false(await storage.hasItem('a'));
  t.is(await storage.getItem('a'), null);
  t.is(await storage.getItemRaw('a'), null);
  t.deepEqual({ ...(await storage.getMeta('a')) }, {});
  t.deepEqual(await storage.getKeys(), []);
  await storage.removeItem('a');
  await storage.clear();
  t.false(await bucket.exists());
});

test('values come back as they went in', async (t) => {
  const { storage } = await opened(t);
  const values = ['text', 'ünïcode ✓', '', 0, 1.5, true, false, { a: [1, { b: null }] }, [], null];
  for (const [i, value] of values.entries()) {
    await storage.setItem<StorageValue>(`group:item-${i}`, value);
    t.deepEqual(await storage.getItem(`group:item-${i}`), value);
    t.true(await storage.hasItem(`group:item-${i}`));
  }
  await storage.setItem('group:item-0', undefined as never);
  t.false(await storage.hasItem('group:item-0'), 'undefined removes');
  await storage.setItems([
    { key: 'many:a', value: 1 },
    { key: 'many:b', value: 'two' },
  ] as { key: string; value: StorageValue }[]);
  t.deepEqual(await storage.getItems(['many:a', 'many:b', 'many:c']), [
    { key: 'many:a', value: 1 },
    { key: 'many:b', value: 'two' },
    { key: 'many:c', value: null },
  ]);
});

test('raw values are bytes, of any kind that a put takes', async (t) => {
  const { storage } = await opened(t);
  const bytes = new Uint8Array(300_000).map((_, i) => i * 7);
  const bodies = [bytes, bytes.buffer, new Blob([bytes]), Readable.from([bytes])];
  for (const body of bodies) {
    await storage.setItemRaw('data/raw.bin', body);
    const raw = await storage.getItemRaw('data:raw.bin');
    t.true(Buffer.isBuffer(raw));
    t.deepEqual(new Uint8Array(raw), bytes);
  }
  await storage.setItemRaw('text', 'plain');
  t.is(String(await storage.getItemRaw('text')), 'plain');
  t.is(await storage.getItem('text'), 'plain');
  await t.throwsAsync(storage.setItemRaw('object', { a: 1 }), { instanceOf: TypeError });
});

test('keys are folders of the bucket', async (t) => {
  const { bucket, storage } = await opened(t, { base: 'app:v1' });
  for (const key of ['s1:a', 's2/a', 's1/te_st/foo.b?x=1', 'ünï', 'end$'])
    await storage.setItem(key, 1);
  t.deepEqual(
    (await bucket.list().toArray()).map(({ key }) => key),
    ['app/v1/end$', 'app/v1/s1/a', 'app/v1/s1/te_st/foo.b', 'app/v1/s2/a', 'app/v1/ünï'],
  );
  t.deepEqual((await storage.getKeys()).sort(), ['s1:a', 's1:te_st:foo.b', 's2:a', 'ünï']);
  t.deepEqual((await storage.getKeys('s1')).sort(), ['s1:a', 's1:te_st:foo.b']);
  t.deepEqual((await storage.getKeys('s')).sort(), []);
  t.deepEqual((await storage.getKeys('', { maxDepth: 1 })).sort(), ['s1:a', 's2:a', 'ünï']);
});

test('meta data are those of the object, and what setMeta() adds', async (t) => {
  const { bucket, storage } = await opened(t);
  const before = Date.now();
  await storage.setItem('a', 'text');
  const meta = await storage.getMeta('a');
  t.is(meta.size, 4);
  t.is(meta.etag, (await bucket.head('a'))?.etag);
  t.true((meta.mtime?.getTime() ?? 0) >= before);
  await storage.setMeta('a', { owner: 'me' });
  t.is((await storage.getMeta('a')).owner, 'me');
  t.is((await storage.getMeta('a', { nativeOnly: true })).owner, undefined);
  t.deepEqual(await storage.getKeys(), ['a']);
  await storage.removeItem('a', { removeMeta: true });
  t.deepEqual(await bucket.list().toArray(), []);
});

test('clear takes what lies under its base, in batches, and nothing else', async (t) => {
  const { bucket, driver, storage } = await opened(t, { base: 'app' });
  await bucket.put('apple', 'not ours');
  await bucket.put('other/a', 'not ours');
  for (let i = 0; i < 1005; i++) await bucket.put(`app/many/${i}`, '');
  await storage.setItem('many-others', 1);
  await driver.clear?.('many:', {});
  t.deepEqual(await storage.getKeys(), ['many-others']);
  await storage.clear();
  t.deepEqual(
    (await bucket.list().toArray()).map(({ key }) => key),
    ['apple', 'other/a'],
  );
});

test('objects that unstorage could not name are neither listed nor cleared', async (t) => {
  const { bucket, storage } = await opened(t, { base: 'app' });
  const unnamed = ['app/a//b', 'app/a:b', 'app/a?b', 'app/a\\b', 'app/b/', 'app/../b', 'app/./b'];
  for (const key of [...unnamed, 'app/a/b']) await bucket.put(key, key);
  t.deepEqual(await storage.getKeys(), ['a:b']);
  t.is(await storage.getItem('a:b'), 'app/a/b');
  await storage.clear();
  t.deepEqual((await bucket.list().toArray()).map(({ key }) => key).sort(), unnamed.sort());
});

test('mounts, prefixes, snapshots and watchers work', async (t) => {
  const { driver } = await opened(t);
  const storage = createStorage().mount('cache', driver);
  const seen: string[] = [];
  const unwatch = await storage.watch((event, key) => seen.push(`${event} ${key}`));
  const pages = prefixStorage(storage, 'cache:pages');
  await pages.setItem('a', { html: '<p>' });
  await storage.setItem('elsewhere', 1);
  t.deepEqual(await pages.getKeys(), ['a']);
  const copy = await snapshot(storage, 'cache');
  t.deepEqual(copy, { 'pages:a': { html: '<p>' } });
  await storage.clear('cache');
  t.deepEqual(await storage.getKeys(), ['elsewhere']);
  await restoreSnapshot(storage, copy, 'cache');
  t.deepEqual(await pages.getItem('a'), { html: '<p>' });
  await pages.removeItem('a');
  t.deepEqual(seen, [
    'update cache:pages:a',
    'update elsewhere',
    'update cache:pages:a',
    'remove cache:pages:a',
  ]);
  await unwatch();
  await storage.dispose();
});

test('errors of the store pass through', async (t) => {
  const { bucket, driver, storage } = await opened(t);
  await t.throwsAsync(storage.setItem('a'.repeat(2000), 1), { name: 'InvalidObjectNameError' });
  await bucket.store.close();
  const error = await t.throwsAsync(storage.getItem('a'));
  t.true(StoreError.is(error, 'STORE_CLOSED'));
  t.is(driver.getInstance?.(), bucket);
  t.is(driver.name, 'strongroom');
});
