// Buckets: create, list, info, delete, and what happens to puts when they come and go.
import { all, found, rejection, type Section } from './support.ts';

const badNames = [
  '',
  'ab',
  'a'.repeat(64),
  '-docs',
  'docs-',
  'Docs',
  'do_cs',
  'do.cs',
  'do cs',
  'dócs',
  'docs/',
  '../docs',
  'docs\n',
  'docs\0',
];

export const bucketSection: Section = (withStore) => {
  withStore('creates, describes, lists and deletes buckets', async (t, store) => {
    const before = Date.now();
    const bucket = await store.createBucket('docs');
    t.is(bucket.name, 'docs');
    t.is(bucket.store, store);
    const info = await bucket.info();
    t.is(info.name, 'docs');
    t.is(info.storageClass, 'Standard');
    t.true(info.created.getTime() >= before && info.created.getTime() <= Date.now());
    t.true(await bucket.exists());

    for (const name of ['docs-2', 'docs2', 'a-1', 'zzz', 'doc']) await store.createBucket(name);
    const names = async (prefix?: string) =>
      (await all(store.buckets(prefix === undefined ? {} : { prefix }))).map(({ name }) => name);
    t.deepEqual(await names(), ['a-1', 'doc', 'docs', 'docs-2', 'docs2', 'zzz']);
    t.deepEqual(await names('docs'), ['docs', 'docs-2', 'docs2']);
    t.deepEqual(await names('Ä'), []);

    await bucket.delete();
    t.false(await bucket.exists());
    t.deepEqual(await names('docs'), ['docs-2', 'docs2']);
  });

  withStore('lists more buckets than fit on a page', async (t, store) => {
    const names = Array.from({ length: 1005 }, (_, i) => `bucket-${String(i).padStart(4, '0')}`);
    for (let at = 0; at < names.length; at += 100)
      await Promise.all(names.slice(at, at + 100).map((name) => store.createBucket(name)));
    t.deepEqual(
      (await all(store.buckets())).map(({ name }) => name),
      names,
    );
  });

  withStore('refuses bad bucket names, in every call', async (t, store) => {
    for (const name of badNames) {
      const bucket = store.bucket(name);
      await rejection(t, store.createBucket(name), 'InvalidBucketName', name);
      await rejection(t, bucket.put('a', 'b'), 'InvalidBucketName', name);
      await rejection(t, bucket.get('a'), 'InvalidBucketName', name);
      await rejection(t, bucket.head('a'), 'InvalidBucketName', name);
      await rejection(t, bucket.remove('a'), 'InvalidBucketName', name);
      await rejection(t, bucket.remove(['a']), 'InvalidBucketName', name);
      await rejection(t, bucket.list().toArray(), 'InvalidBucketName', name);
      await rejection(t, bucket.info(), 'InvalidBucketName', name);
      await rejection(t, bucket.exists(), 'InvalidBucketName', name);
      await rejection(t, bucket.delete(), 'InvalidBucketName', name);
    }
    await t.throwsAsync(store.createBucket(7 as never), { instanceOf: TypeError });
    t.deepEqual(await all(store.buckets()), []);
  });

  withStore('refuses to create a bucket twice', async (t, store) => {
    await store.createBucket('docs');
    const error = await rejection(t, store.createBucket('docs'), 'BucketAlreadyExists');
    t.is(error.bucket, 'docs');
    t.is(error.status, 409);
    await t.notThrowsAsync(store.createBucket('docs', { ifNotExists: true }));
    const made = await Promise.allSettled([1, 2, 3, 4].map(() => store.createBucket('race')));
    t.is(made.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  withStore('makes a missing bucket on put', async (t, store) => {
    await Promise.all([1, 2, 3, 4].map((i) => store.bucket('docs').put(`key-${i}`, 'text')));
    t.is((await store.bucket('docs').list().toArray()).length, 4);
  });

  withStore(
    'throws NoSuchBucket, and makes none when it may not',
    async (t, store) => {
      const bucket = store.bucket('docs');
      const large = new Uint8Array(300_000);
      for (const call of [
        () => bucket.put('key', 'text'),
        () => bucket.put('key', large),
        () => bucket.get('key'),
        () => bucket.head('key'),
        () => bucket.has('key'),
        () => bucket.remove('key'),
        () => bucket.remove([]),
        () => bucket.list().toArray(),
        () => bucket.info(),
        () => bucket.delete(),
      ]) {
        const error = await rejection(t, call(), 'NoSuchBucket', String(call));
        t.is(error.bucket, 'docs');
      }
      t.deepEqual(await all(store.buckets()), []);
    },
    { autoCreateBuckets: false },
  );

  withStore('keeps a bucket that holds objects', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', 'text');
    await rejection(t, bucket.delete(), 'BucketNotEmpty');
    t.is(await (await found(bucket.get('key'))).text(), 'text');
    await bucket.remove('key');
    await bucket.delete();
    t.false(await bucket.exists());
  });

  withStore('deletes a bucket with its objects by force', async (t, store) => {
    const bucket = store.bucket('docs');
    const other = store.bucket('docs-2');
    await other.put('key', 'text');
    await Promise.all(Array.from({ length: 600 }, (_, i) => bucket.put(`key-${i}`, 'text')));
    await bucket.delete({ force: true });
    t.false(await bucket.exists());
    t.true(await other.has('key'));
  });

  withStore('shows nothing of a bucket that was deleted and made again', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', 'old');
    await bucket.delete({ force: true });
    await store.createBucket('docs');
    t.is(await bucket.get('key'), null);
    t.deepEqual(await bucket.list().toArray(), []);
    await bucket.put('key', 'new');
    t.is(await (await found(bucket.get('key'))).text(), 'new');
  });

  withStore('lets a put and a delete of the bucket race, and loses nothing', async (t, store) => {
    for (let round = 0; round < 20; round++) {
      const name = `race-${round}`;
      const bucket = await store.createBucket(name);
      const body = round % 2 === 0 ? 'text' : new Uint8Array(300_000);
      const [put, deleted] = await Promise.allSettled([
        bucket.put('key', body),
        round % 4 < 2 ? bucket.delete() : Promise.resolve().then(() => bucket.delete()),
      ]);
      if (put.status === 'fulfilled') t.true(await bucket.has('key'));
      if (deleted.status === 'fulfilled' && put.status === 'rejected')
        t.false(await bucket.exists());
      if (deleted.status === 'rejected') t.is(put.status, 'fulfilled');
    }
  });

  withStore('ends a forced delete beside others who put all the time', async (t, store) => {
    const bucket = await store.createBucket('docs');
    let going = true;
    const putters = [1, 2, 3, 4].map(async (putter) => {
      for (let i = 0; going; i++) await bucket.put(`${putter}/${i}`, '').catch(() => {});
    });
    const outcome = await bucket.delete({ force: true }).then(
      () => 'deleted',
      (error) => error.code,
    );
    going = false;
    await Promise.all(putters);
    t.true(['deleted', 'BucketNotEmpty'].includes(outcome), outcome);
    if (await bucket.exists()) await bucket.delete({ force: true });
  });
};
