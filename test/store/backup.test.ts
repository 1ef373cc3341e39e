// Backups: a store at one moment, in a directory that an ordinary open() opens, that verifies, that
// the rescue reader reads, and that goes on from where it was.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { open, openMemory, type Store, StoreError } from '../../lib/index.ts';
import { rescueStore } from '../../lib/rescue/rescued-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const large = randomBytes(900_000);

interface Places {
  readonly store: Store;
  readonly backup: string;
  readonly rootKey: { file: string };
  readonly folder: string;
}

async function threeZones(t: ExecutionContext): Promise<Places> {
  const folder = await temporaryFolder(t);
  const rootKey = { file: join(folder, 'data.rootkey') };
  const store = await open(join(folder, 'data'), { zones: 3 });
  t.teardown(() => store.close());
  const docs = store.bucket('docs');
  await docs.put('small', 'text', { metadata: { kind: 'note' } });
  await docs.put('large', large);
  await docs.append('grown', randomBytes(10_000), { position: 0 });
  await docs.append('grown', large.subarray(0, 400_000), { position: 10_000 });
  return { store, backup: join(folder, 'backup'), rootKey, folder };
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const info = await stat(join(folder, name));
    if (info.isFile()) size += info.size;
  }
  return size;
}

async function bytesOf(store: Store, key: string): Promise<Buffer | null> {
  const object = await store.bucket('docs').get(key);
  return object === null ? null : Buffer.from(await object.bytes());
}

/** The code that it was refused with; null: it was not. */
async function refusal(call: Promise<unknown>): Promise<string | null> {
  try {
    await call;
    return null;
  } catch (error) {
    if (StoreError.is(error)) return error.code;
    throw error;
  }
}

test('a backup opens as a store of one zone and is whole', async (t) => {
  const { store, backup, rootKey } = await threeZones(t);
  const loaded: number[] = [];
  const { sequence, bytes } = await store.backup(backup, {
    onProgress: (progress) => loaded.push(progress.loaded),
  });
  t.is(sequence, (await store.health.status()).sequence);
  t.true(bytes > large.length + 400_000 && bytes < 2 * (large.length + 400_000));
  t.true((loaded.at(-1) ?? 0) > bytes);
  await store.bucket('docs').put('later', 'x');
  const grown = await bytesOf(store, 'grown');

  await using copy = await open(backup, { zones: 1, rootKey });
  t.deepEqual(await bytesOf(copy, 'large'), large);
  t.deepEqual(await bytesOf(copy, 'grown'), grown);
  t.like(await copy.bucket('docs').head('small'), { metadata: { kind: 'note' } });
  t.is(await copy.bucket('docs').get('later'), null);
  t.like(await copy.health.verify({ deep: true }), { found: 0 });
  t.true((await copy.health.status()).ok);
  // It lives on like any other store.
  await copy.bucket('docs').put('large', large.subarray(1));
  await copy.bucket('docs').remove('grown');
  t.like(await copy.health.verify({ deep: true }), { found: 0 });
  t.is(await refusal(store.backup(backup)), 'STORE_LOCKED');
});

test('the next backup writes what came since, and reads without a write', async (t) => {
  const { store, backup, rootKey } = await threeZones(t);
  const first = await store.backup(backup);
  const size = await sizeOf(backup);
  await store.bucket('docs').put('more', 'more text');
  await store.bucket('docs').remove('large');
  const second = await store.backup(backup);
  t.true(second.bytes < first.bytes / 4);
  t.true(BigInt(second.sequence) > BigInt(first.sequence));
  t.true((await sizeOf(backup)) < size - 800_000); // What only the first one needed is gone.

  await using copy = await open(backup, { zones: 1, rootKey, readOnly: true });
  t.is(await copy.bucket('docs').get('large'), null);
  t.is((await bytesOf(copy, 'more'))?.toString(), 'more text');
});

test('after the store was compacted the backup goes on', async (t) => {
  const { store, backup, rootKey } = await threeZones(t);
  await store.backup(backup);
  for (let i = 0; i < 20; i++) await store.bucket('docs').put('over', randomBytes(100_000));
  await store.health.compact();
  await store.backup(backup);
  const over = await bytesOf(store, 'over');
  await using copy = await open(backup, { zones: 1, rootKey });
  t.deepEqual(await bytesOf(copy, 'over'), over);
  t.deepEqual(await bytesOf(copy, 'large'), large);
  t.like(await copy.health.verify({ deep: true }), { found: 0 });
});

test('a store of one zone is backed up, and so is what was restored from a backup', async (t) => {
  const folder = await temporaryFolder(t);
  const rootKey = { file: join(folder, 'data.rootkey') };
  await using store = await open(join(folder, 'data'), { zones: 1 });
  await store.bucket('docs').put('large', large);
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  await store.backup(first);
  await using restored = await open(first, { zones: 1, rootKey });
  await restored.bucket('docs').put('other', large.subarray(7));
  await restored.backup(second);
  await using again = await open(second, { zones: 1, rootKey });
  t.deepEqual(await bytesOf(again, 'large'), large);
  t.deepEqual(await bytesOf(again, 'other'), large.subarray(7));
});

test('the rescue reader reads a backup, and refuses it beside the zones', async (t) => {
  const { store, backup, rootKey, folder } = await threeZones(t);
  await store.backup(backup);
  const rescued = await rescueStore([join(backup, 'zone-1')], { rootKey });
  t.deepEqual(rescued.findings, []);
  for (const object of rescued.objects()) {
    const pieces: Buffer[] = [];
    for await (const { bytes } of object.pieces()) if (bytes !== null) pieces.push(bytes);
    t.deepEqual(Buffer.concat(pieces), await bytesOf(store, object.key));
  }
  t.is(rescued.objects().length, 3);
  const mixed = rescueStore([join(folder, 'data', 'zone-1'), join(backup, 'zone-1')], { rootKey });
  t.is(await refusal(mixed), 'ZONE_FOREIGN');
});

test('zones of a store and a backup of it do not open together', async (t) => {
  const { store, backup, rootKey, folder } = await threeZones(t);
  await store.backup(backup);
  await store.close();
  const data = join(folder, 'data');
  const zones = [join(data, 'zone-1'), join(data, 'zone-2'), join(backup, 'zone-1')];
  t.is(await refusal(open(data, { zones, rootKey, create: false })), 'ZONE_FOREIGN');
});

test('what is no place for a backup is refused and left alone', async (t) => {
  const { store, backup, folder } = await threeZones(t);
  const full = join(folder, 'full');
  await mkdir(full);
  await writeFile(join(full, 'letter.txt'), 'mine');
  const inZone = join(folder, 'data', 'zone-2', 'blob');
  for (const dest of [
    full,
    folder,
    join(folder, 'data'),
    inZone,
    join(full, 'letter.txt'),
    '',
    '\0',
  ])
    t.is(await refusal(store.backup(dest)), 'InvalidArgument', dest);
  t.deepEqual(await readdir(full), ['letter.txt']);
  await t.throwsAsync(store.backup(7 as never), { instanceOf: TypeError });
  t.is(await refusal(store.backup(backup, { fast: true } as never)), 'InvalidArgument');

  const other = await open(join(folder, 'other'), { zones: 1 });
  await other.backup(backup);
  t.is(await refusal(store.backup(backup)), 'ZONE_FOREIGN');
  await other.close();
  t.is(await refusal(other.backup(backup)), 'STORE_CLOSED');

  await using memory = await openMemory();
  t.is(await refusal(memory.backup(join(folder, 'no'))), 'InvalidArgument');
});

test('one that is aborted leaves the one before, and the next goes on', async (t) => {
  const { store, backup, rootKey } = await threeZones(t);
  const first = await store.backup(backup);
  await store.bucket('docs').put('second', large.subarray(3));
  t.is(await refusal(store.backup(backup, { signal: AbortSignal.abort('no') })), 'ABORTED');
  const controller = new AbortController();
  const running = store.backup(backup, { signal: controller.signal });
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  // It may have been at its end already.
  if ((await refusal(running)) === 'ABORTED') {
    await using copy = await open(backup, { zones: 1, rootKey, readOnly: true });
    t.is((await copy.health.status()).sequence, first.sequence);
  }
  await store.backup(backup);
  await using copy = await open(backup, { zones: 1, rootKey });
  t.deepEqual(await bytesOf(copy, 'second'), large.subarray(3));
});
