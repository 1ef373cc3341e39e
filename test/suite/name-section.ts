// Object keys: what is refused, and that everything else is kept byte for byte.
import { found, rejection, type Section } from './support.ts';

const badKeys = {
  empty: '',
  slash: '/a',
  backslash: '\\a',
  NUL: 'a\0b',
  'lone high surrogate': 'a\ud800',
  'lone low surrogate': '\udc00a',
  'surrogates the wrong way round': '\udc00\ud800',
  '1024 bytes': 'a'.repeat(1024),
  '1024 bytes of two each': 'é'.repeat(512),
  '1026 bytes of three each': '€'.repeat(342),
  'a million characters': 'a'.repeat(1_000_000),
};

const oddKeys = [
  '.',
  '..',
  '../..',
  'a',
  'a/b',
  'a/',
  'a//b',
  'a/../b',
  'a/./b',
  'a\\b',
  ' ',
  ' a ',
  'a\n',
  'a\r\nb',
  '\t',
  '\x01\x1f\x7f',
  '\u0080',
  '\u2028',
  '\ufeffa',
  '\ufffe\uffff',
  '\u00e9',
  'e\u0301',
  '\u00c5',
  '\u212b',
  '\ufb00',
  'A',
  '😀',
  '\u{10ffff}',
  '\ue000',
  '__proto__',
  'constructor',
  'CON',
  'a?b=c#d%2f',
  '-rf *',
  'a'.repeat(1023),
  '€'.repeat(341),
];

export const nameSection: Section = (withStore) => {
  withStore('refuses bad keys, in every call', async (t, store) => {
    const bucket = await store.createBucket('docs');
    for (const [why, key] of Object.entries(badKeys)) {
      for (const call of [
        () => bucket.put(key, 'text'),
        () => bucket.get(key),
        () => bucket.head(key),
        () => bucket.has(key),
        () => bucket.remove(key),
      ]) {
        const error = await rejection(t, call(), 'InvalidObjectName', why);
        t.is(error.status, 400);
        t.true(error.message.length < 1000);
      }
    }
    for (const key of [undefined, null, 7, {}, ['a']])
      await t.throwsAsync(bucket.put(key as never, 'text'), { instanceOf: TypeError });
    t.deepEqual(await bucket.list().toArray(), []);
  });

  withStore('keeps odd keys byte for byte, each apart from the others', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const key of oddKeys) await bucket.put(key, `body of ${key}`);
    for (const key of oddKeys) {
      const object = await found(bucket.get(key));
      t.is(object.key, key);
      t.is(await object.text(), `body of ${key}`);
      t.true(await bucket.has(key));
    }
    const order = [...oddKeys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    t.deepEqual(
      (await bucket.list().toArray()).map(({ key }) => key),
      order,
    );
    t.deepEqual(
      (await bucket.list({ reverse: true }).toArray()).map(({ key }) => key),
      [...order].reverse(),
    );
    for (const [i, key] of order.entries()) {
      const after = await bucket.list({ startAfter: key, limit: 1 }).toArray();
      t.is(after[0]?.key, order[i + 1]);
      t.true((await bucket.list({ prefix: key }).toArray()).some((object) => object.key === key));
    }
    await bucket.remove(oddKeys);
    t.deepEqual(await bucket.list().toArray(), []);
  });
};
