// Stores on disk, closed and opened again: what stays, which key opens it, who may open it.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { type OpenOptions, open, type Store, type StoreEvent } from '../../lib/index.ts';
import { createKeyFile } from '../../lib/keys/key-file.ts';
import { found, rejection } from '../suite/support.ts';
import { builtIndex } from '../support/built-package.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Opens, uses and closes a store. */
async function using<T>(
  path: string,
  options: OpenOptions,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await open(path, options);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

async function path(t: ExecutionContext): Promise<string> {
  return join(await temporaryFolder(t), 'data');
}

const text = async (store: Store): Promise<string> =>
  (await found(store.bucket('docs').get('key'))).text();
const put = (store: Store): Promise<unknown> => store.bucket('docs').put('key', 'text');

/** Name and hash of every file below a folder. */
async function contents(folder: string): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const name of await readdir(folder, { recursive: true })) {
    const file = join(folder, name);
    if (!(await stat(file)).isFile()) continue;
    hashes.set(
      name,
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    );
  }
  return hashes;
}

/** What a second process says when it opens the store. */
async function elsewhere(store: string, options: OpenOptions): Promise<string> {
  const program = `
    import { open } from ${JSON.stringify(builtIndex)};
    try {
      const store = await open(${JSON.stringify(store)}, ${JSON.stringify(options)});
      await store.close();
      console.log('opened');
    } catch (error) {
      console.log(error.code);
    }`;
  const args = ['--input-type=module', '--eval', program];
  const cwd = dirname(builtIndex);
  return (await promisify(execFile)(process.execPath, args, { cwd })).stdout.trim();
}

for (const zones of [1, 3] as const) {
  const on = zones === 1 ? 'one zone' : 'three zones';

  test.serial(`${on}: what was put is there after reopening`, async (t) => {
    const data = await path(t);
    const large = randomBytes(3 << 20);
    const before = await using(data, { zones }, async (store) => {
      const bucket = store.bucket('docs');
      await bucket.put('key', 'text', { contentType: 'a/b', metadata: { c: 'd' } });
      await bucket.put('large', large);
      await bucket.put('removed', 'text');
      await bucket.remove('removed');
      return (await bucket.list().toArray()).map((object) => object.toJSON());
    });
    await using(data, { zones }, async (store) => {
      const bucket = store.bucket('docs');
      t.deepEqual(
        (await bucket.list().toArray()).map((object) => object.toJSON()),
        before,
      );
      t.is(await text(store), 'text');
      t.true(large.equals(await (await found(bucket.get('large'))).bytes()));
      t.true((await store.health.status()).ok);
      t.is((await store.health.status()).zones.length, zones);
      t.is((await bucket.info()).redundancy, zones === 3 ? 'ZRS' : 'LRS');
    });
  });

  test.serial(`${on}: nothing that was stored stands in clear on disk`, async (t) => {
    const data = await path(t);
    const secret = 'a-secret-that-nobody-else-would-write';
    await using(data, { zones }, async (store) => {
      const bucket = store.bucket('bucket-with-a-name');
      await bucket.put(`key-${secret}`, secret, { metadata: { name: secret } });
      await bucket.put('large', Buffer.from(secret.repeat(20_000)));
    });
    for (const name of await readdir(data, { recursive: true })) {
      const file = join(data, name);
      if (!(await stat(file)).isFile()) continue;
      const bytes = await readFile(file);
      t.false(bytes.includes(secret), name);
      t.false(bytes.includes('bucket-with-a-name'), name);
    }
  });
}

test.serial('the default key file lies beside the store, with a warning', async (t) => {
  const data = await path(t);
  const told: StoreEvent[] = [];
  const warn = (event: object): void => void told.push(event as StoreEvent);
  const logger = { trace() {}, debug() {}, info() {}, warn, error() {} };
  await using(data, { logger }, put);
  t.true(existsSync(`${data}.rootkey`));
  const event = told.find(({ type }) => type === 'store:insecure-root-key');
  t.like(event, { file: `${data}.rootkey`, path: data });
  t.is(await using(data, {}, text), 'text');
  await rename(`${data}.rootkey`, `${data}.away`);
  await rejection(t, open(data), 'WRONG_ROOT_KEY');
  // No new key is made for an old store.
  t.false(existsSync(`${data}.rootkey`));
  await rename(`${data}.away`, `${data}.rootkey`);
  t.is(await using(data, { rootKey: { file: `${data}.rootkey` } }, text), 'text');
});

test.serial('a store opens with its root key only', async (t) => {
  const data = await path(t);
  const key = randomBytes(32);
  const rootKey = (): Uint8Array => Uint8Array.from(key);
  await using(data, { rootKey: rootKey() }, put);
  t.false(existsSync(`${data}.rootkey`));
  t.is(await using(data, { rootKey }, text), 'text');
  const before = await contents(data);
  for (const wrong of [randomBytes(32), { passphrase: 'secret' }, undefined])
    await rejection(t, open(data, wrong === undefined ? {} : { rootKey: wrong }), 'WRONG_ROOT_KEY');
  t.deepEqual(await contents(data), before);
  t.is(await using(data, { rootKey }, text), 'text');
});

test.serial('a store is made under the key that was given, whatever becomes of it', async (t) => {
  const key = randomBytes(32);
  const rootKey = (): Uint8Array => Uint8Array.from(key);
  const [bytes, options, named] = [await path(t), await path(t), await path(t)];
  const given = rootKey();
  const opening = open(bytes, { rootKey: given });
  t.true(given.every((byte) => byte === 0));
  // Scratch memory, used for something else at once.
  given.fill(0xab);
  await (await opening).close();
  await using(bytes, { rootKey: rootKey() }, put);

  const changing: OpenOptions = { rootKey: rootKey() };
  const second = open(options, changing);
  delete changing.rootKey;
  await (await second).close();
  t.false(existsSync(`${options}.rootkey`));
  await using(options, { rootKey: rootKey() }, put);

  const source = { passphrase: 'correct horse' };
  const third = open(named, { rootKey: source });
  source.passphrase = 'battery staple';
  await (await third).close();
  await using(named, { rootKey: { passphrase: 'correct horse' } }, put);
});

test.serial('an open that is aborted ends, and leaves what the next one takes', async (t) => {
  const data = await path(t);
  for (const late of [() => new Promise<never>(() => {}), async () => randomBytes(32)]) {
    const controller = new AbortController();
    const opening = open(data, {
      rootKey: () => {
        controller.abort();
        return late();
      },
      signal: controller.signal,
    });
    await rejection(t, opening, 'ABORTED');
  }
  t.false(existsSync(data));
  for (let turns = 0; turns < 12; turns++) {
    const controller = new AbortController();
    const opening = open(data, { signal: controller.signal });
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    const outcome = opening.then(
      (store) => store,
      (error) => error,
    );
    const settled = await Promise.race([outcome, nextTurn()]);
    controller.abort();
    if (settled === undefined) await rejection(t, opening, 'ABORTED', `${turns}`);
    else await ((await outcome) as Store).close();
  }
  await using(data, {}, put);
  t.is(await using(data, {}, text), 'text');
});

test.serial('a passphrase opens the store it made', async (t) => {
  const data = await path(t);
  await using(data, { rootKey: { passphrase: 'correct horse' } }, put);
  t.is(await using(data, { rootKey: { passphrase: 'correct horse' } }, text), 'text');
  await rejection(t, open(data, { rootKey: { passphrase: 'battery staple' } }), 'WRONG_ROOT_KEY');
  await rejection(t, open(data, { rootKey: randomBytes(32) }), 'WRONG_ROOT_KEY');
});

test.serial('a zone that cannot be opened is named as such, and left alone', async (t) => {
  const folder = await temporaryFolder(t);
  const [file, dangling] = [join(folder, 'file'), join(folder, 'dangling')];
  await writeFile(file, 'precious');
  await symlink(join(folder, 'nowhere'), dangling);
  for (const zone of [file, join(file, 'below'), dangling])
    for (const create of [true, false])
      await rejection(
        t,
        open(join(folder, 'data'), { zones: [zone], create }),
        'ZONE_UNAVAILABLE',
        zone,
      );
  t.is(await readFile(file, 'utf8'), 'precious');
  t.false(existsSync(join(folder, 'nowhere')));

  const zones = ['a', 'b', 'c'].map((name) => join(folder, name));
  await using(join(folder, 'data'), { zones }, put);
  await rm(zones[1] as string, { recursive: true });
  await writeFile(zones[1] as string, 'precious');
  t.is(await using(join(folder, 'data'), { zones }, text), 'text');
  t.is(await readFile(zones[1] as string, 'utf8'), 'precious');
});

test.serial('a missing store is made only when it may be', async (t) => {
  const data = await path(t);
  await rejection(t, open(data, { create: false }), 'ZONE_UNAVAILABLE');
  await rejection(t, open(data, { readOnly: true }), 'ZONE_UNAVAILABLE');
  t.false(existsSync(data));
  t.false(existsSync(`${data}.rootkey`));
});

// The story: the disks were not mounted after a restart, and the default options made a new, empty
// store in the mount points.
test.serial('no empty store is made in the place of zones that are away', async (t) => {
  const data = await path(t);
  await using(data, { zones: 3 }, put);
  await rename(data, `${data}.away`);
  await rejection(t, open(data, { zones: 3 }), 'ZONE_UNAVAILABLE');
  t.false(existsSync(data));
  for (const zone of [1, 2, 3]) await mkdir(join(data, `zone-${zone}`), { recursive: true });
  await rejection(t, open(data, { zones: 3 }), 'ZONE_UNAVAILABLE');
  t.deepEqual(await contents(data), new Map());
  await rm(data, { recursive: true });
  await rename(`${data}.away`, data);
  t.is(await using(data, { zones: 3 }, text), 'text');
  // Whoever means to begin anew takes the key file away.
  await rm(data, { recursive: true });
  await rename(`${data}.rootkey`, `${data}.old`);
  await using(data, { zones: 3 }, put);
});

test.serial('a creation that was cut short around its key file is finished', async (t) => {
  const data = await path(t);
  const [kept, pending] = [`${data}.rootkey`, `${data}.rootkey.new`];
  // Before the first zone was made.
  await createKeyFile(pending);
  const key = await readFile(pending);
  await using(data, {}, put);
  t.deepEqual(await readFile(kept), key);
  t.false(existsSync(pending));
  // After the last.
  await rename(kept, pending);
  await using(data, { readOnly: true }, text);
  t.true(existsSync(pending), 'readOnly renames nothing');
  t.is(await using(data, {}, text), 'text');
  t.true(existsSync(kept));
  t.false(existsSync(pending));
});

test.serial('opens that make one store at once share it', async (t) => {
  const data = await path(t);
  const stores = await Promise.all(Array.from({ length: 6 }, () => open(data)));
  await put(stores[0] as Store);
  for (const store of stores) t.is(await text(store), 'text');
  for (const store of stores) await store.close();
  t.deepEqual((await readdir(dirname(data))).sort(), ['data', 'data.rootkey']);
});

test.serial('a store that is open is locked for other processes, by any path', async (t) => {
  const data = await path(t);
  await using(data, {}, async (store) => {
    await put(store);
    t.is(await elsewhere(data, {}), 'STORE_LOCKED');
    t.is(await elsewhere(data, { readOnly: true }), 'STORE_LOCKED');
    const link = join(dirname(data), 'link');
    await symlink(join(data, 'zone-1'), link);
    const rootKey = { file: `${data}.rootkey` };
    t.is(await elsewhere(join(dirname(data), 'other'), { zones: [link], rootKey }), 'STORE_LOCKED');
    t.is(await text(store), 'text');
  });
  t.is(await elsewhere(data, {}), 'opened');
});

test.serial('a second open in the process attaches', async (t) => {
  const data = await path(t);
  const first = await open(data);
  await put(first);
  const second = await open(data);
  t.is(await text(second), 'text');
  await rejection(t, open(data, { zoneDeadlineMs: 77 }), 'InvalidArgument');
  await first.close();
  await rejection(t, first.bucket('docs').get('key'), 'STORE_CLOSED');
  t.is(await text(second), 'text');
  await put(second);
  await second.close();
});

test.serial('readOnly reads, refuses writes and writes not one byte', async (t) => {
  const data = await path(t);
  await using(data, { zones: 3 }, put);
  const before = await contents(data);
  await using(data, { zones: 3, readOnly: true }, async (store) => {
    t.is(await text(store), 'text');
    t.is((await store.bucket('docs').list().toArray()).length, 1);
    const bucket = store.bucket('docs');
    await rejection(t, bucket.put('other', 'text'), 'STORE_READ_ONLY');
    await rejection(t, bucket.put('other', new Uint8Array(1 << 20)), 'STORE_READ_ONLY');
    await rejection(t, bucket.remove('key'), 'STORE_READ_ONLY');
    await rejection(t, store.createBucket('new'), 'STORE_READ_ONLY');
    await rejection(t, store.bucket('new').put('key', 'text'), 'STORE_READ_ONLY');
    await rejection(t, bucket.delete(), 'STORE_READ_ONLY');
  });
  t.deepEqual(await contents(data), before);
});

test.serial('a zone that is missing, empty or of another store', async (t) => {
  const data = await path(t);
  const other = join(dirname(data), 'other');
  const rootKey = (): Uint8Array => new Uint8Array(32).fill(9);
  await using(data, { zones: 3, rootKey }, put);
  await using(other, { zones: 3, rootKey }, put);
  const zone = (number: number, of = data): string => join(of, `zone-${number}`);

  await rename(zone(2), join(data, 'away'));
  await using(data, { zones: 3, rootKey }, async (store) => {
    t.is(await text(store), 'text');
    const { zones, ok } = await store.health.status();
    t.false(ok);
    t.is(zones[1]?.inSet, false);
    await store.bucket('docs').put('without', 'text');
  });
  // An empty directory never becomes a zone by itself.
  await mkdir(zone(2));
  await using(data, { zones: 3, rootKey }, async (store) => {
    t.is((await store.health.status()).zones[1]?.inSet, false);
  });
  t.deepEqual(await readdir(zone(2)), []);
  await rm(zone(2), { recursive: true });

  await rejection(
    t,
    open(data, { zones: [zone(1), zone(2, other), zone(3)], rootKey }),
    'ZONE_FOREIGN',
  );
  await rm(zone(1), { recursive: true });
  await rejection(t, open(data, { zones: 3, rootKey }), 'QUORUM_LOST');
});

test.serial('the same directory twice, by symlink, is refused', async (t) => {
  const data = await path(t);
  await mkdir(data);
  const [a, b, link] = ['a', 'b', 'link'].map((name) => join(data, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(a);
  await symlink(a, link);
  await rejection(t, open(data, { zones: [a, b, link] }), 'InvalidArgument');
  t.deepEqual(await readdir(dirname(data)), ['data'], 'no key file was made for it');
});
