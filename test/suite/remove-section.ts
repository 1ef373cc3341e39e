// Removing many: every key gets its own answer, in the order given, and the others go all the same.
import { rejection, type Section } from './support.ts';

export const removeSection: Section = (withStore) => {
  withStore('answers for every key, in the order given', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const key of ['a', 'b', 'kept']) await bucket.put(key, key);
    const given = ['b', '', 'none', 'a', '/a', 'b', '\ud800', 'x'.repeat(1024), ''];
    const { removed, errors } = await bucket.remove(given);
    t.deepEqual(removed, [{ key: 'b' }, { key: 'none' }, { key: 'a' }, { key: 'b' }]);
    t.deepEqual(
      errors.map(({ key }) => key),
      ['', '/a', '\ud800', 'x'.repeat(1024), ''],
    );
    for (const { error } of errors) t.is(error.code, 'InvalidObjectName');
    t.deepEqual(
      (await bucket.list().toArray()).map(({ key }) => key),
      ['kept'],
    );
    const none = await bucket.remove(['', '/']);
    t.deepEqual([none.removed.length, none.errors.length], [0, 2]);
    await t.throwsAsync(bucket.remove(['a', 7 as never]), { instanceOf: TypeError });
    await rejection(t, bucket.remove(''), 'InvalidObjectName');
  });

  withStore('removes more keys than one commit holds', async (t, store) => {
    const bucket = store.bucket('docs');
    const keys = Array.from({ length: 1100 }, (_, i) => `key-${i}`);
    await Promise.all(keys.filter((_, i) => i % 3 === 0).map((key) => bucket.put(key, key)));
    await bucket.put('kept', 'text');
    const given = [...keys, ...keys.slice(0, 5)];
    const removing = bucket.remove(given);
    const expected = given.map((key) => ({ key }));
    given.length = 0; // The caller's array is its own again.
    t.deepEqual(await removing, { removed: expected, errors: [] });
    t.deepEqual(
      (await bucket.list().toArray()).map(({ key }) => key),
      ['kept'],
    );
  });

  withStore('names the keys that are still there when it is aborted', async (t, store) => {
    const bucket = store.bucket('docs');
    const keys = Array.from({ length: 600 }, (_, i) => `key-${i}`);
    await Promise.all(keys.map((key) => bucket.put(key, key)));
    const abort = new AbortController();
    const removing = bucket.remove(keys, { signal: abort.signal });
    while (await bucket.has('key-0')) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    const { removed, errors } = await removing;
    t.is(removed.length + errors.length, keys.length);
    for (const { error } of errors) t.is(error.code, 'ABORTED');
    const left = (await bucket.list().toArray()).map(({ key }) => key);
    t.deepEqual(left, errors.map(({ key }) => key).sort());
    await rejection(t, bucket.remove(keys, { signal: abort.signal }), 'ABORTED');
  });
};
