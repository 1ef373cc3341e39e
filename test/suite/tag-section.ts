// Tags: what is kept with an object, and what OSS does not take.
import { found, rejection, type Section } from './support.ts';

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
};
