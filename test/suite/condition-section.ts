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
    await t.throwsAsync(put({ etag: 7 }), { instanceOf: TypeError });
    await t.throwsAsync(put({ unmodifiedSince: 7 }), { instanceOf: TypeError });
    await rejection(t, bucket.remove(['a'], { onlyIf: { etag: 'a' } }), 'InvalidArgument');
    t.false(await bucket.has('key'));
  });
};
