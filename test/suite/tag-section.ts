// Tags: what is kept with an object, and what OSS does not take.
import { randomBytes } from 'node:crypto';
import type { StoredObject } from '../../lib/index.ts';
import { found, megabyte, rejection, type Section } from './support.ts';

export const tagSection: Section = (withStore) => {
  withStore('keeps tags with an object', async (t, store) => {
    const bucket = store.bucket('docs');
    const tags = {
      'key with + - = . _ : /': 'value 1',
      empty: '',
      __proto: 'x',
      ['__proto__']: 'y',
    };
    for (const size of [4, 300_000]) {
      const put = await bucket.put('key', new Uint8Array(size), { tags });
      t.deepEqual({ ...put.tags }, tags);
      t.deepEqual({ ...(await found(bucket.head('key'))).tags }, tags);
      const body = await found(bucket.get('key'));
      t.deepEqual({ ...body.tags }, tags);
      t.is(body.httpHeaders().get('x-oss-tagging-count'), '4');
      await body[Symbol.asyncDispose]();
      t.deepEqual((await bucket.list().toArray())[0]?.tags, body.tags);
    }
    t.deepEqual((await bucket.put('key', 'text', { tags: {} })).tags, {});
    const plain = await bucket.put('key', 'text');
    t.deepEqual(plain.tags, {});
    t.is(plain.httpHeaders().get('x-oss-tagging-count'), null);
  });

  withStore('takes tags up to the limits of OSS, and none beyond', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const put = (tags: Record<string, string>) => bucket.put('key', 'text', { tags });
    const many = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`${i}`.padEnd(128, 'k'), 'v'.repeat(256)]),
      );
    await rejection(t, put(many(11)), 'TooManyTags');
    for (const key of [
      '',
      'k'.repeat(129),
      'a\nb',
      'a\rb',
      'a\0',
      'a\t',
      'ä',
      'a&b',
      'a?',
      '\ud800',
    ])
      await rejection(t, put({ [key]: 'value' }), 'InvalidTag', key);
    for (const value of ['v'.repeat(257), 'a\r\nb: c', 'a\x7f', 'ü', '"', '\ud800'])
      await rejection(t, put({ key: value }), 'InvalidTag', value);
    for (const tags of ['text', ['text'], null, { key: 7 }])
      await t.throwsAsync(put(tags as never), { instanceOf: TypeError });
    t.is(await bucket.head('key'), null);
    t.is(Object.keys((await put(many(10))).tags).length, 10);
  });

  withStore('sets and deletes the tags of an object that stands', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [0, 1000, 2 * megabyte]) {
      const bytes = randomBytes(size);
      const metadata = { a: 'b' };
      const checksum = { sha256: true } as const;
      const put = await bucket.put('key', bytes, { metadata, checksum, tags: { first: '1' } });
      const tags = bucket.tags.object('key');
      t.deepEqual(await tags.get(), { first: '1' });
      await tags.set({ second: '2', third: '' });
      t.deepEqual(await tags.get(), { second: '2', third: '' });
      const { tags: _, ...others } = (await found(bucket.head('key'))).toJSON() as StoredObject;
      const { tags: __, ...before } = put.toJSON() as StoredObject;
      t.deepEqual(others, before, 'all else is as it was');
      t.true(bytes.equals(await (await found(bucket.get('key'))).bytes()));
      await tags.delete();
      t.is(await tags.get(), null);
      await tags.delete();
      await tags.set({});
      t.deepEqual((await found(bucket.head('key'))).toJSON(), { ...before, tags: {} });
      t.true(bytes.equals(await (await found(bucket.get('key'))).bytes()));
    }
    await bucket.symlink('link', 'key');
    await bucket.tags.object('link').set({ of: 'the link' });
    t.is((await found(bucket.head('link'))).symlinkTarget, 'key');
    t.deepEqual((await found(bucket.get('link'))).tags, {});
  });

  withStore('keeps tags and bodies together while both change', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', '0');
    const large = randomBytes(300_000);
    const puts = Array.from({ length: 10 }, (_, i) => bucket.put('key', i % 2 ? large : 'small'));
    const sets = Array.from({ length: 10 }, (_, i) => bucket.tags.object('key').set({ n: `${i}` }));
    await Promise.all([...puts, ...sets]);
    await bucket.tags.object('key').set({ last: 'one' });
    const body = await found(bucket.get('key'));
    t.deepEqual({ ...body.tags }, { last: 'one' });
    const bytes = Buffer.from(await body.bytes());
    t.true(bytes.equals(large) || bytes.equals(Buffer.from('small')));
    await bucket.remove('key');
    t.deepEqual(await bucket.list().toArray(), []);
  });

  withStore('refuses tags of what is not there, and tags that cannot be', async (t, store) => {
    const bucket = store.bucket('docs');
    const tags = bucket.tags.object('key');
    await rejection(t, tags.get(), 'NoSuchBucket');
    await bucket.put('other', 'text');
    for (const call of [tags.get(), tags.set({ a: 'b' }), tags.delete()])
      await rejection(t, call, 'NoSuchKey');
    t.false(await bucket.has('key'));
    const other = bucket.tags.object('other');
    await rejection(t, other.set({ 'a?': 'b' }), 'InvalidTag');
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`${i}`, '']));
    await rejection(t, other.set(many), 'TooManyTags');
    for (const value of [null, 'a', ['a'], new Map(), { a: 1 }])
      await t.throwsAsync(other.set(value as never), { instanceOf: TypeError });
    await rejection(t, bucket.tags.object('').get(), 'InvalidObjectName');
    t.is(await other.get(), null);
  });
};
