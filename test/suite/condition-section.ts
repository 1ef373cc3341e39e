// Conditions: what they let through, what they refuse, and that races have one winner.
import { found, rejection, type Section } from './support.ts';

export const conditionSection: Section = (withStore) => {
  withStore('puts only if the key is absent', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [4, 300_000]) {
      const key = `size-${size}`;
      const body = new Uint8Array(size);
      const { etag } = await bucket.put(key, body, { onlyIf: { absent: true } });
      const again = bucket.put(key, body, { onlyIf: { absent: true } });
      const error = await rejection(t, again, 'FileAlreadyExists');
      t.is(error.key, key);
      t.is((await found(bucket.head(key))).etag, etag);
    }
    const race = await Promise.allSettled(
      [1, 2, 3, 4, 5, 6].map((i) => bucket.put('race', `body ${i}`, { onlyIf: { absent: true } })),
    );
    t.is(race.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const outcome of race)
      if (outcome.status === 'rejected') t.is(outcome.reason.code, 'FileAlreadyExists');
  });

  withStore('puts and removes only what is known', async (t, store) => {
    const bucket = store.bucket('docs');
    const first = await bucket.put('key', '1');
    const second = await bucket.put('key', '2', { onlyIf: { etag: first.etag } });
    const bare = second.etag.replaceAll('"', '');
    await rejection(
      t,
      bucket.put('key', '3', { onlyIf: { etag: first.etag } }),
      'PreconditionFailed',
    );
    await rejection(
      t,
      bucket.remove('key', { onlyIf: { etag: first.etag } }),
      'PreconditionFailed',
    );
    await rejection(t, bucket.put('none', '3', { onlyIf: { etag: bare } }), 'PreconditionFailed');
    const third = await bucket.put('key', '3', { onlyIf: { etag: bare } });
    t.is(await (await found(bucket.get('key'))).text(), '3');
    await bucket.remove('key', { onlyIf: { etag: third.etag } });
    t.false(await bucket.has('key'));
    await rejection(
      t,
      bucket.remove('key', { onlyIf: { etag: third.etag } }),
      'PreconditionFailed',
    );
  });

  withStore('counts up without losing a step', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('count', '0');
    const increment = async (): Promise<void> => {
      for (;;) {
        const body = await found(bucket.get('count'));
        const next = String(Number(await body.text()) + 1);
        const put = bucket.put('count', next, { onlyIf: { etag: body.etag } });
        if (
          await put.then(
            () => true,
            () => false,
          )
        )
          return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    t.is(await (await found(bucket.get('count'))).text(), '20');
  });

  withStore(
    'reads only what has changed, or has not',
    async (t, store) => {
      const bucket = store.bucket('docs');
      const { etag, lastModified } = await bucket.put('key', 'text');
      const at = (seconds: number) => new Date(lastModified.getTime() + 1000 * seconds);
      for (const onlyIf of [
        { etag },
        { etag: etag.replaceAll('"', '') },
        { notEtag: 'other' },
        { modifiedSince: at(-1) },
        { unmodifiedSince: at(0) },
        { unmodifiedSince: at(1) },
        { etag, unmodifiedSince: at(-9) },
        { notEtag: 'other', modifiedSince: at(9) },
      ])
        t.is(await (await found(bucket.get('key', { onlyIf }))).text(), 'text');
      for (const onlyIf of [{ notEtag: etag }, { modifiedSince: at(0) }, { modifiedSince: at(1) }])
        await rejection(t, bucket.get('key', { onlyIf }), 'NotModified', JSON.stringify(onlyIf));
      for (const onlyIf of [{ etag: 'other' }, { unmodifiedSince: at(-1) }])
        await rejection(t, bucket.get('key', { onlyIf }), 'PreconditionFailed');
      await rejection(
        t,
        bucket.put('key', 'new', { onlyIf: { unmodifiedSince: at(-1) } }),
        'PreconditionFailed',
      );
      t.is(await bucket.get('none', { onlyIf: { etag } }), null);
      await bucket.put('key', 'new', { onlyIf: { unmodifiedSince: at(0) } });
    },
    { clock: () => new Date('2025-01-01T00:00:00.500Z') },
  );

  withStore('refuses conditions that contradict themselves', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const put = (onlyIf: object) => bucket.put('key', 'text', { onlyIf });
    await rejection(t, put({ absent: true, etag: 'a' }), 'InvalidArgument');
    await rejection(t, put({ absent: false }), 'InvalidArgument');
    await rejection(t, put({ notEtag: 'a' }), 'InvalidArgument');
    await rejection(t, put({ unmodifiedSince: new Date(Number.NaN) }), 'InvalidArgument');
    for (const etag of ['', 'a b', '"a', 'a"', '"a", "b"', 'a\nb', '"a\x7f"', 'W/a', 'W/"a"', 'ā'])
      await rejection(t, put({ etag }), 'InvalidArgument', etag);
    const get = (onlyIf: object) => bucket.get('key', { onlyIf });
    await rejection(t, get({ etag: 'a', notEtag: '"a"' }), 'InvalidArgument');
    const now = new Date();
    await rejection(t, get({ modifiedSince: now, unmodifiedSince: now }), 'InvalidArgument');
    await rejection(t, bucket.head('key', { onlyIf: { etag: '"' } }), 'InvalidArgument');
    await t.throwsAsync(put({ etag: 7 }), { instanceOf: TypeError });
    await t.throwsAsync(put({ unmodifiedSince: 7 }), { instanceOf: TypeError });
    await rejection(t, bucket.remove(['a'], { onlyIf: { etag: 'a' } }), 'InvalidArgument');
    t.false(await bucket.has('key'));
  });

  withStore('takes nothing that is no condition for one that holds', async (t, store) => {
    const bucket = store.bucket('docs');
    const { etag } = await bucket.put('key', 'first');
    const empty = [{}, { etag: undefined }, Object.create(null)];
    for (const onlyIf of empty) {
      await rejection(t, bucket.put('key', 'lost', { onlyIf }), 'InvalidArgument');
      await rejection(t, bucket.remove('key', { onlyIf }), 'InvalidArgument');
      await rejection(t, bucket.get('key', { onlyIf }), 'InvalidArgument');
      await rejection(t, bucket.head('key', { onlyIf }), 'InvalidArgument');
    }
    // None of them has properties, so each would say nothing.
    const foreign = [new Map([['absent', true]]), new Set(['absent']), new Date(), /absent/, []];
    for (const given of [...foreign, Promise.resolve(), AbortSignal.timeout(1e6), [], null, 'etag'])
      for (const call of [
        () => bucket.put('key', 'lost', { onlyIf: given as never }),
        () => bucket.put('key', 'lost', given as never),
        () => bucket.put('key', 'lost', { metadata: given as never }),
        () => bucket.remove('key', { onlyIf: given as never }),
        () => bucket.remove('key', given as never),
        () => bucket.get('key', { onlyIf: given as never }),
        () => bucket.get('key', given as never),
        () => bucket.head('key', given as never),
        () => bucket.list(given as never).toArray(),
      ])
        await t.throwsAsync(call(), { instanceOf: TypeError });
    const headers = new Headers({ 'content-type': 'text/plain' });
    for (const options of [
      headers,
      { metadata: headers },
      { metadata: new URLSearchParams('a=b') },
    ])
      await t.throwsAsync(bucket.put('key', 'lost', options as never), { instanceOf: TypeError });
    t.is((await found(bucket.head('key'))).etag, etag);

    class Known {
      etag = etag;
    }
    await bucket.put('key', 'second', { onlyIf: new Known(), metadata: Object.create(null) });
    t.is(await (await found(bucket.get('key'))).text(), 'second');
  });

  withStore('reads under the headers of HTTP', async (t, store) => {
    const bucket = store.bucket('docs');
    const { etag, lastModified } = await bucket.put('key', 'text');
    const at = (seconds: number) => new Date(lastModified.getTime() + 1000 * seconds).toUTCString();
    const bare = etag.slice(1, -1);
    const outcomes: [Record<string, string>, 'NotModified' | 'PreconditionFailed' | null][] = [
      [{}, null],
      [{ 'x-other': 'a"b', 'x-oss-forbid-overwrite': 'true' }, null],
      [{ 'If-Match': etag }, null],
      [{ 'If-Match': bare }, null],
      [{ 'If-Match': '*' }, null],
      [{ 'If-Match': `"a,b" ,  ${etag}` }, null],
      [{ 'If-Match': '"a", "b"' }, 'PreconditionFailed'],
      [{ 'If-Match': `W/${etag}` }, 'PreconditionFailed'],
      [{ 'If-None-Match': '"a",b' }, null],
      [{ 'If-None-Match': '*' }, 'NotModified'],
      [{ 'If-None-Match': `"a",${bare}` }, 'NotModified'],
      [{ 'If-None-Match': `W/"a", W/${etag}` }, 'NotModified'],
      [{ 'If-Modified-Since': at(-1) }, null],
      [{ 'If-Modified-Since': at(0) }, 'NotModified'],
      [{ 'If-Unmodified-Since': at(0) }, null],
      [{ 'If-Unmodified-Since': at(-1) }, 'PreconditionFailed'],
      // The order of RFC 9110, 13.2.2: dates are not asked beside ETags.
      [{ 'If-Match': etag, 'If-Unmodified-Since': at(-9) }, null],
      [{ 'If-None-Match': '"a"', 'If-Modified-Since': at(9) }, null],
      [{ 'If-None-Match': etag, 'If-Modified-Since': at(-9) }, 'NotModified'],
      [{ 'If-Match': etag, 'If-None-Match': etag }, 'NotModified'],
      [{ 'If-Match': '"a"', 'If-None-Match': etag }, 'PreconditionFailed'],
      [{ 'If-Modified-Since': at(0), 'If-Unmodified-Since': at(-1) }, 'PreconditionFailed'],
      // The two forms of dates that HTTP has left behind and still takes.
      [{ 'If-Unmodified-Since': 'Sunday, 06-Nov-94 08:49:37 GMT' }, 'PreconditionFailed'],
      [{ 'If-Modified-Since': 'Sun Nov  6 08:49:37 1994' }, null],
    ];
    for (const [fields, code] of outcomes) {
      const about = JSON.stringify(fields);
      for (const read of [bucket.get.bind(bucket), bucket.head.bind(bucket)]) {
        const reading = read('key', { onlyIf: new Headers(fields) });
        if (code === null) t.is((await found<{ size: number }>(reading)).size, 4, about);
        else await rejection(t, reading, code, about);
      }
      t.is(await bucket.get('none', { onlyIf: new Headers(fields) }), null);
    }
  });

  withStore('writes under the headers of HTTP', async (t, store) => {
    const bucket = store.bucket('docs');
    const put = (fields: Record<string, string>, key = 'key') =>
      bucket.put(key, 'text', { onlyIf: new Headers(fields) });
    const first = await put({ 'If-None-Match': '*' });
    await rejection(t, put({ 'If-None-Match': '*' }), 'FileAlreadyExists');
    await rejection(t, put({ 'x-oss-forbid-overwrite': 'true' }), 'FileAlreadyExists');
    await rejection(t, put({ 'If-None-Match': `"a", ${first.etag}` }), 'PreconditionFailed');
    const second = await put({ 'If-Match': `"a", ${first.etag}` });
    await rejection(t, put({ 'If-Match': first.etag }), 'PreconditionFailed');
    await rejection(t, put({ 'If-Match': '*' }, 'none'), 'PreconditionFailed');
    const past = new Date(second.lastModified.getTime() - 5000).toUTCString();
    await rejection(t, put({ 'If-Unmodified-Since': past }), 'PreconditionFailed');
    await put({ 'If-Match': second.etag, 'If-Unmodified-Since': past });
    const third = await put({ 'x-oss-forbid-overwrite': 'false', 'If-None-Match': '"a"' });

    const remove = (fields: Record<string, string>) =>
      bucket.remove('key', { onlyIf: new Headers(fields) });
    await rejection(t, remove({ 'If-None-Match': '*' }), 'PreconditionFailed');
    await rejection(t, remove({ 'If-None-Match': third.etag }), 'PreconditionFailed');
    await rejection(t, remove({ 'If-Unmodified-Since': past }), 'PreconditionFailed');
    await rejection(t, remove({ 'If-Match': first.etag }), 'PreconditionFailed');
    await remove({ 'If-Match': third.etag });
    t.false(await bucket.has('key'));
    await remove({ 'If-None-Match': '*' });
  });

  withStore('takes the headers as they were when the call began', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', 'text');
    const onlyIf = new Headers({ 'If-None-Match': '*' });
    const put = bucket.put('key', new Uint8Array(300_000), { onlyIf });
    onlyIf.delete('If-None-Match');
    await rejection(t, put, 'FileAlreadyExists');
  });

  withStore('refuses headers that cannot be read or contradict themselves', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const get = (fields: Record<string, string>) =>
      bucket.get('key', { onlyIf: new Headers(fields) });
    for (const tags of ['', ',', '"a"b', '"a",', ',"a"', '*, "a"', '"a" "b"', 'W/a', '"a', 'a\tb'])
      for (const name of ['If-Match', 'If-None-Match'])
        await rejection(t, get({ [name]: tags }), 'InvalidArgument', `${name}: ${tags}`);
    for (const date of [
      '',
      'yesterday',
      '2025-01-01T00:00:00Z',
      'Sun, 06 Nov 1994 08:49:37',
      'Sun, 06 Nov 1994 08:49:37 +0100',
      'Sun, 31 Feb 1994 08:49:37 GMT',
      'Sun, 06 Nov 1994 25:49:37 GMT',
      'Sunday, 06-Nov-94 08:49:37 CET',
      '784111777',
    ])
      for (const name of ['If-Modified-Since', 'If-Unmodified-Since'])
        await rejection(t, get({ [name]: date }), 'InvalidArgument', `${name}: ${date}`);
    const put = (fields: Record<string, string>) =>
      bucket.put('key', 'text', { onlyIf: new Headers(fields) });
    await rejection(t, put({ 'If-None-Match': '*', 'If-Match': '"a"' }), 'InvalidArgument');
    await rejection(t, put({ 'If-None-Match': '"a"', 'If-Match': '"a"' }), 'InvalidArgument');
    await rejection(t, put({ 'If-Match': 'W/"a"' }), 'InvalidArgument');
    await rejection(t, put({ 'If-None-Match': '"a", W/"b"' }), 'InvalidArgument');
    await rejection(t, put({ 'x-oss-forbid-overwrite': 'yes' }), 'InvalidArgument');
    const date = new Date().toUTCString();
    await rejection(t, put({ 'If-Modified-Since': date }), 'NotImplemented');
    await rejection(
      t,
      bucket.remove('key', { onlyIf: new Headers({ 'If-Modified-Since': date }) }),
      'NotImplemented',
    );
    await rejection(
      t,
      bucket.remove(['key'], { onlyIf: new Headers({ 'If-Match': '*' }) }),
      'InvalidArgument',
    );
    t.is(await bucket.head('key'), null);
  });
};
