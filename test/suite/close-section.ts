// The end of a store: what close() settles, refuses and interrupts.
import { Readable } from 'node:stream';
import { all, found, megabyte, rejection, type Section } from './support.ts';

export const closeSection: Section = (withStore) => {
  withStore('refuses every call after close, and closes again in peace', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', new Uint8Array(2 * megabyte));
    const unread = await found(bucket.get('key'));
    const half = (await found(bucket.get('key'))).stream().getReader();
    await half.read();
    await Promise.all([store.close(), store.close(), store[Symbol.asyncDispose]()]);
    await store.close();
    const calls: Record<string, () => Promise<unknown>> = {
      createBucket: () => store.createBucket('other'),
      buckets: () => all(store.buckets()),
      put: () => bucket.put('key', 'text'),
      'put large': () => bucket.put('key', new Uint8Array(megabyte)),
      get: () => bucket.get('key'),
      head: () => bucket.head('key'),
      has: () => bucket.has('key'),
      remove: () => bucket.remove('key'),
      list: () => bucket.list().toArray(),
      info: () => bucket.info(),
      exists: () => bucket.exists(),
      delete: () => bucket.delete(),
      status: () => store.health.status(),
      'read an unread body': () => unread.bytes(),
      'read on': () => half.read(),
    };
    for (const [name, call] of Object.entries(calls))
      await rejection(t, call(), 'STORE_CLOSED', name);
  });

  withStore('settles calls in flight', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('large', new Uint8Array(4 * megabyte));
    const body = await found(bucket.get('large'));
    const calls = [
      bucket.put('small', 'text'),
      bucket.put('big', new Uint8Array(4 * megabyte)),
      bucket.put('streamed', Readable.from([new Uint8Array(megabyte), new Uint8Array(megabyte)])),
      bucket.head('large'),
      bucket
        .list()
        .toArray()
        .catch(() => null),
      body.bytes(),
    ];
    const closed = store.close();
    for (const outcome of await Promise.allSettled(calls)) t.is(outcome.status, 'fulfilled');
    await closed;
  });

  withStore('is closed when it is disposed', async (t, store) => {
    await store[Symbol.asyncDispose]();
    await rejection(t, store.bucket('docs').get('key'), 'STORE_CLOSED');
  });
};
