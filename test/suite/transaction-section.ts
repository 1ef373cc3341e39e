// Transactions: all changes or none, whatever goes wrong on the way, and nothing left behind.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Bucket, CopyOptions, ObjectRef, Store, Transaction } from '../../lib/index.ts';
import { found, megabyte, rejection, type Section } from './support.ts';

async function contents(bucket: Bucket): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for await (const { key } of bucket.list())
    texts[key] = await (await found(bucket.get(key))).text();
  return texts;
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield randomBytes(megabyte);
  throw new Error('boom');
}

export const transactionSection: Section = (withStore) => {
  withStore('changes many objects in many buckets at once', async (t, store) => {
    const [a, b] = [store.bucket('aaa'), store.bucket('bbb')];
    await a.put('old', 'old');
    const large = randomBytes(2 * megabyte);
    const answer = await store.transaction(async (tx) => {
      await tx.bucket('aaa').put('small', 'text', { metadata: { x: 'y' }, tags: { k: 'v' } });
      await tx.bucket('bbb').put('large', Readable.from([large]), { checksum: { md5: true } });
      tx.bucket('aaa').remove('old');
      t.deepEqual(await contents(a), { old: 'old' }, 'nothing is visible before the commit');
      return 'answer';
    });
    t.is(answer, 'answer');
    t.deepEqual(await contents(a), { small: 'text' });
    const small = await found(a.head('small'));
    t.deepEqual([{ ...small.metadata }, { ...small.tags }], [{ x: 'y' }, { k: 'v' }]);
    const got = await found(b.get('large'));
    t.is(got.checksums.md5?.length, 32);
    t.true(large.equals(await got.bytes()));
    t.is(small.lastModified.getTime(), got.lastModified.getTime());
    t.is(await store.transaction(() => 7), 7, 'a transaction without changes');
  });

  withStore('takes hundreds of changes, many bodies at a time', async (t, store) => {
    const bucket = store.bucket('docs');
    const bodies = new Map(
      Array.from({ length: 300 }, (_, i) => [`key-${i}`, randomBytes((i * 997) % 40_000)]),
    );
    for (let i = 0; i < 4; i++) bodies.set(`large-${i}`, randomBytes(400_000));
    await store.transaction(async (tx) => {
      const docs = tx.bucket('docs');
      await Promise.all([...bodies].map(([key, body]) => docs.put(key, body)));
    });
    for (const [key, body] of bodies)
      t.true(body.equals(await (await found(bucket.get(key))).bytes()), key);
    await store.transaction((tx) => {
      for (const key of bodies.keys()) tx.bucket('docs').remove(key);
    });
    t.deepEqual(await contents(bucket), {});
  });

  withStore('lets the last change of a key count', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('c', 'old');
    await store.transaction(async (tx) => {
      const docs = tx.bucket('docs');
      await docs.put('a', new Uint8Array(megabyte));
      await docs.put('a', 'second');
      await docs.put('b', 'text', { onlyIf: { etag: 'none' } });
      docs.remove('b');
      docs.remove('c');
      // The one that was asked for last, not the one that was sealed last.
      await Promise.all([docs.put('c', new Uint8Array(2 * megabyte)), docs.put('c', 'new')]);
    });
    t.deepEqual(await contents(bucket), { a: 'second', c: 'new' });
  });

  withStore('changes nothing when a condition does not hold', async (t, store) => {
    const bucket = store.bucket('docs');
    const { etag } = await bucket.put('key', 'text');
    const attempts: ((tx: Transaction) => unknown)[] = [
      (tx) => tx.bucket('docs').require('key', { etag: 'other' }),
      (tx) => tx.bucket('docs').require('key', { absent: true }),
      (tx) => tx.bucket('docs').require('none', { etag: '*' }),
      (tx) => tx.bucket('docs').remove('key', { onlyIf: { etag: 'other' } }),
      (tx) => tx.bucket('docs').put('key', 'new', { onlyIf: { etag: 'other' } }),
      (tx) => tx.bucket('docs').require('key', new Headers({ 'If-None-Match': etag })),
    ];
    for (const [i, attempt] of attempts.entries()) {
      const running = store.transaction(async (tx) => {
        await tx.bucket('docs').put('new', new Uint8Array(i % 2 ? 10 : megabyte));
        await attempt(tx);
      });
      const error = await rejection(t, running, 'PreconditionFailed', String(i));
      t.truthy(error.key);
    }
    await rejection(
      t,
      store.transaction((tx) => tx.bucket('docs').put('key', 'new', { onlyIf: { absent: true } })),
      'FileAlreadyExists',
    );
    t.deepEqual(await contents(bucket), { key: 'text' });
    await store.transaction(async (tx) => {
      tx.bucket('docs').require('key', { etag });
      tx.bucket('docs').require('none', { absent: true });
      await tx.bucket('docs').put('new', 'text');
    });
    t.deepEqual(await contents(bucket), { key: 'text', new: 'text' });
  });

  withStore('changes nothing when its work, a body or a change fails', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', 'text');
    const run = (work: (tx: Transaction) => Promise<unknown>) =>
      store.transaction(async (tx) => {
        await tx.bucket('docs').put('small', 'text');
        await tx.bucket('docs').put('large', new Uint8Array(megabyte));
        tx.bucket('docs').remove('key');
        await work(tx);
      });
    const boom = new Error('boom');
    t.is(
      await t.throwsAsync(
        run(async () => {
          throw boom;
        }),
      ),
      boom,
    );
    await rejection(
      t,
      run((tx) => tx.bucket('docs').put('a', broken())),
      'IncompleteBody',
    );
    // Also where it is caught, or not waited for.
    const caught = run((tx) =>
      tx
        .bucket('docs')
        .put('a', broken())
        .catch(() => {}),
    );
    await rejection(t, caught, 'IncompleteBody');
    const unawaited = run(async (tx) => {
      tx.bucket('docs').put('a', broken());
    });
    await rejection(t, unawaited, 'IncompleteBody');
    await rejection(
      t,
      run((tx) => tx.bucket('docs').put('', 'a')),
      'InvalidObjectName',
    );
    await rejection(
      t,
      run((tx) => tx.bucket('x').put('a', 'a')),
      'InvalidBucketName',
    );
    await rejection(
      t,
      run(async (tx) => tx.bucket('none').remove('a')),
      'NoSuchBucket',
    );
    await rejection(
      t,
      run(async (tx) => tx.bucket('docs').remove('/')),
      'InvalidObjectName',
    );
    await rejection(
      t,
      run((tx) => tx.bucket('docs').put('a', 'a', { checksum: { crc32: '00000000' } })),
      'InvalidDigest',
    );
    await rejection(
      t,
      run((tx) => tx.bucket('docs').put('a', 'a', { size: 2 })),
      'IncompleteBody',
    );
    await t.throwsAsync(
      run((tx) => tx.bucket('docs').put('a', {} as never)),
      {
        instanceOf: TypeError,
      },
    );
    t.deepEqual(await contents(bucket), { key: 'text' });
  });

  withStore('ends when its signal fires, whatever it waits for', async (t, store) => {
    const bucket = await store.createBucket('docs');
    for (const wait of [
      (tx: Transaction) =>
        tx.bucket('docs').put('a', new Readable({ read() {} }), { size: megabyte }),
      () => new Promise(() => {}),
    ]) {
      const abort = new AbortController();
      const running = store.transaction(
        async (tx) => {
          await tx.bucket('docs').put('large', new Uint8Array(megabyte));
          setImmediate(() => abort.abort(new Error('enough')));
          await wait(tx);
        },
        { signal: abort.signal },
      );
      await rejection(t, running, 'ABORTED');
    }
    await rejection(
      t,
      store.transaction(() => {}, { signal: AbortSignal.abort() }),
      'ABORTED',
    );
    t.deepEqual(await contents(bucket), {});
  });

  withStore('is of no use once it has ended', async (t, store) => {
    await store.createBucket('docs');
    let escaped: Transaction | undefined;
    await store.transaction((tx) => {
      escaped = tx;
    });
    const docs = escaped?.bucket('docs');
    if (docs === undefined) return t.fail();
    await rejection(t, docs.put('a', 'a'), 'InvalidArgument');
    t.throws(() => docs.remove('a'), { code: 'InvalidArgument' });
    t.throws(() => docs.require('a', { absent: true }), { code: 'InvalidArgument' });
    t.false(await store.bucket('docs').has('a'));
  });

  withStore('names the limit that it is over', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const many = store.transaction((tx) => {
      for (let i = 0; i <= 1000; i++) tx.bucket('docs').remove(`${i}`);
    });
    t.regex((await rejection(t, many, 'InvalidArgument')).message, /1000 changes/);
    const metadata = { a: 'x'.repeat(8000) };
    const heavy = store.transaction(async (tx) => {
      for (let i = 0; i < 400; i++) await tx.bucket('docs').put(`${i}`, '', { metadata });
    });
    t.regex((await rejection(t, heavy, 'InvalidArgument')).message, /3145728 bytes/);
    t.deepEqual(await contents(bucket), {});
  });

  withStore('counts up in two places without losing a step', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('a', '0');
    await bucket.put('b', '0');
    await Promise.all(Array.from({ length: 8 }, () => increment(store)));
    t.deepEqual(await contents(bucket), { a: '8', b: '8' });
  });

  withStore('copies sealed bodies of every kind along with other changes', async (t, store) => {
    const [docs, other] = [store.bucket('docs'), store.bucket('other')];
    const large = randomBytes(2 * megabyte);
    await docs.put('small', 'small', { metadata: { x: '1' }, tags: { k: 'v' } });
    await docs.put('large', large, { contentType: 'a/b' });
    await docs.append('log', 'begun ');
    const upload = await docs.upload('parts');
    await upload.part(1, large);
    await upload.part(2, 'tail');
    await upload.complete();
    const before = new Map((await docs.list().toArray()).map((object) => [object.key, object]));
    await store.transaction(async (tx) => {
      const into = tx.bucket('other');
      for (const key of before.keys()) into.copy({ bucket: 'docs', key }, `copy/${key}`);
      into.copy({ bucket: 'docs', key: 'small' }, 'said anew', { metadata: { x: '2' }, tags: {} });
      await tx.bucket('docs').put('small', 'changed here');
      tx.bucket('docs').remove('large');
      t.false(await other.exists(), 'nothing is visible before the commit');
    });
    for (const [key, { etag, size, metadata, contentType }] of before)
      t.like(await found(other.head(`copy/${key}`)), { etag, size, metadata, contentType });
    t.is(await (await found(other.get('copy/small'))).text(), 'small');
    t.is(await (await found(docs.get('small'))).text(), 'changed here');
    t.true(large.equals(await (await found(other.get('copy/large'))).bytes()));
    t.true(large.equals((await (await found(other.get('copy/parts'))).bytes()).subarray(0, -4)));
    t.is(await docs.head('large'), null);
    t.like(await found(other.head('said anew')), { metadata: { x: '2' }, tags: {} });
    await rejection(t, other.append('copy/log', 'x'), 'ObjectNotAppendable');
  });

  withStore('moves many objects at once, or none', async (t, store) => {
    const bucket = store.bucket('docs');
    const names = Array.from({ length: 100 }, (_, i) => `${i}`);
    await Promise.all(names.map((name) => bucket.put(`a/${name}`, name)));
    const move = (last: string) =>
      store.transaction((tx) => {
        const docs = tx.bucket('docs');
        for (const name of [...names, last]) {
          docs.copy(`a/${name}`, `b/${name}`);
          docs.remove(`a/${name}`);
        }
      });
    await rejection(t, move('none'), 'NoSuchKey');
    const asTheyWere = Object.fromEntries(names.map((name) => [`a/${name}`, name]));
    t.deepEqual(await contents(bucket), asTheyWere);
    await bucket.put('a/last', 'last');
    await move('last');
    const moved = [...names, 'last'].map((name) => [`b/${name}`, name]);
    t.deepEqual(await contents(bucket), Object.fromEntries(moved));
  });

  withStore('copies what stands at the commit, under the conditions given', async (t, store) => {
    const bucket = store.bucket('docs');
    const { etag } = await bucket.put('a', 'first');
    const copy = (to: string, options?: CopyOptions, during = async () => {}) =>
      store.transaction(async (tx) => {
        tx.bucket('docs').copy('a', to, options);
        await during();
      });
    await copy('b', {}, async () => {
      await bucket.put('a', 'second');
    });
    t.deepEqual(await contents(bucket), { a: 'second', b: 'second' });
    await rejection(t, copy('b', { onlyIf: { absent: true } }), 'FileAlreadyExists');
    await rejection(t, copy('b', { onlyIf: { etag } }), 'PreconditionFailed');
    await rejection(t, copy('a', { tags: { x: '1' }, onlyIf: { etag } }), 'PreconditionFailed');
    await copy('a', { tags: { x: '1' } });
    t.deepEqual((await found(bucket.head('a'))).tags, { x: '1' });
    const { etag: now } = await found(bucket.head('a'));
    await copy('a', { tags: { x: '2' }, onlyIf: { etag: now } });
    t.deepEqual((await found(bucket.head('a'))).tags, { x: '2' });
    const gone = copy('b', {}, async () => {
      await bucket.remove('a');
    });
    await rejection(t, gone, 'NoSuchKey');
    t.deepEqual(await contents(bucket), { b: 'second' });
  });

  withStore('refuses copies that cannot be, and makes no bucket for them', async (t, store) => {
    const docs = await store.createBucket('docs');
    await docs.put('a', 'text');
    const copy = (from: ObjectRef, to: string, options?: CopyOptions) =>
      store.transaction((tx) => tx.bucket('new').copy(from, to, options));
    await rejection(t, copy('a', '/b'), 'InvalidObjectName');
    await rejection(t, copy({ bucket: 'docs', key: '' }, 'b'), 'InvalidObjectName');
    await rejection(t, copy({ bucket: 'X', key: 'a' }, 'b'), 'InvalidBucketName');
    await rejection(t, copy('a', 'a'), 'InvalidArgument');
    await rejection(t, copy('a', 'b', { contentType: 'a/b' }), 'InvalidArgument');
    await rejection(t, copy({ bucket: 'none', key: 'a' }, 'b'), 'NoSuchBucket');
    await rejection(t, copy({ bucket: 'docs', key: 'none' }, 'b'), 'NoSuchKey');
    await rejection(
      t,
      copy({ bucket: 'docs', key: 'a' }, 'b', { onlyIf: { etag: 'x' } }),
      'PreconditionFailed',
    );
    for (const to of [1, { key: 'b' }, null])
      await t.throwsAsync(copy('a', to as never), { instanceOf: TypeError });
    t.false(await store.bucket('new').exists());
    const names = Array.from({ length: 5 }, (_, i) => `small-${i}`);
    for (const name of names) await docs.put(name, randomBytes(250_000));
    const many = (times: number) =>
      store.transaction((tx) => {
        for (let i = 0; i < times; i++)
          for (const name of names) tx.bucket('docs').copy(name, `${i}/${name}`);
      });
    await rejection(t, many(4), 'InvalidArgument');
    await many(3);
    t.is((await docs.list({ delimiter: '/' }).toArray()).length, 6);
    t.is((await docs.list().toArray()).length, 21);
  });

  withStore('survives a bucket that goes and comes back', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const running = store.transaction(async (tx) => {
      await tx.bucket('docs').put('large', new Uint8Array(megabyte));
      await bucket.delete();
      await store.createBucket('docs');
    });
    await rejection(t, running, 'NoSuchBucket');
    t.deepEqual(await contents(bucket), {});
  });

  withStore('is refused by a closed store, and ended by close()', async (t, store) => {
    await store.createBucket('docs');
    const running = store.transaction(async (tx) => {
      await tx.bucket('docs').put('a', new Uint8Array(megabyte));
      await new Promise(() => {});
    });
    const ended = rejection(t, running, 'STORE_CLOSED');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await store.close();
    await ended;
    await rejection(
      t,
      store.transaction(() => {}),
      'STORE_CLOSED',
    );
  });
};

/** Both counters or none, by those who know both as they were. */
async function increment(store: Store): Promise<void> {
  const bucket = store.bucket('docs');
  for (;;) {
    const [a, b] = await Promise.all([found(bucket.get('a')), found(bucket.get('b'))]);
    const [nextA, nextB] = [Number(await a.text()) + 1, Number(await b.text()) + 1];
    try {
      return await store.transaction(async (tx) => {
        const docs = tx.bucket('docs');
        await docs.put('a', `${nextA}`, { onlyIf: { etag: a.etag } });
        await docs.put('b', `${nextB}`, { onlyIf: { etag: b.etag } });
      });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'PreconditionFailed') throw error;
    }
  }
}
