// watch: exactly what was committed, in its order, from any id on, and an end for every wait.
import { randomBytes } from 'node:crypto';
import type { Bucket, ObjectEvent, WatchOptions } from '../../lib/index.ts';
import { type ErrorCode, StoreError } from '../../lib/index.ts';
import { Dice, rejection, type Section } from './support.ts';

/** What every store has told since `from`. */
async function told(bucket: Bucket, from: string): Promise<ObjectEvent[]> {
  const last = await bucket.events.last();
  const events: ObjectEvent[] = [];
  // An event behind all others, so that nobody waits.
  const end = `end-${randomBytes(4).toString('hex')}`;
  await bucket.put(end, '');
  for await (const event of bucket.watch({ from })) {
    if (event.key === end) break;
    if (event.id > last) throw new Error(`told of ${event.key} behind the last id`);
    events.push(event);
  }
  return events;
}

const inShort = (events: readonly ObjectEvent[]): string[] =>
  events.map(({ type, key }) => `${type} ${key}`);

/** The first events of a watch that is ended then. */
async function take(bucket: Bucket, count: number, options?: WatchOptions): Promise<ObjectEvent[]> {
  const events: ObjectEvent[] = [];
  for await (const event of bucket.watch(options)) if (events.push(event) === count) break;
  return events;
}

/** A next() that waits: nothing has come when others had their turn. */
async function waiting(bucket: Bucket, options: WatchOptions = {}) {
  const from = await bucket.events.last();
  const iterator = bucket.watch({ from, ...options })[Symbol.asyncIterator]();
  const next = iterator.next();
  let settled = false;
  const settle = () => {
    settled = true;
  };
  next.then(settle, settle);
  // A few calls of the store: each takes as long as what a watch does before it waits.
  for (let i = 0; i < 5; i++) await bucket.exists();
  if (settled) throw new Error('the watch does not wait');
  return { iterator, next };
}

async function outcome(promise: Promise<unknown>): Promise<ErrorCode | 'resolved'> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => {
      if (!StoreError.is(error)) throw error;
      return error.code;
    },
  );
}

export const watchSection: Section = (withStore) => {
  withStore('tells of every change of an object, and of nothing else', async (t, store) => {
    const bucket = await store.createBucket('docs');
    t.is(await bucket.events.get(), null);
    const from = await bucket.events.last();
    t.deepEqual(await bucket.events.get(), { keep: 10_000 });
    const large = randomBytes(300_000);
    const put = await bucket.put('small', 'four');
    await bucket.put('large', large);
    await bucket.put(
      'streamed',
      (async function* () {
        yield large;
      })(),
    );
    await bucket.copy('large', 'copied');
    await bucket.move('copied', 'moved');
    await bucket.append('log', 'one');
    const grown = await bucket.append('log', 'two');
    await bucket.symlink('link', 'small');
    const upload = await bucket.upload('film');
    await upload.part(1, large);
    const film = await upload.complete();
    await (await bucket.upload('film')).abort();
    await bucket.tags.object('small').set({ a: 'b' });
    await store.transaction(async (tx) => {
      await tx.bucket('docs').put('tx', 'text');
      tx.bucket('docs').copy('small', 'small/copied');
      tx.bucket('docs').remove('large');
      tx.bucket('docs').remove('never there');
    });
    await bucket.remove('link');
    await bucket.remove('never there');
    await bucket.remove(['log', 'never there', 'tx']);
    await bucket.remove('small', { onlyIf: { etag: put.etag } });
    await store.createBucket('others');
    await store.bucket('others').put('small', 'of another bucket');
    const events = await told(bucket, from);
    t.deepEqual(inShort(events), [
      'ObjectCreated:Put small',
      'ObjectCreated:Put large',
      'ObjectCreated:Put streamed',
      'ObjectCreated:Copy copied',
      'ObjectCreated:Copy moved',
      'ObjectRemoved:Delete copied',
      'ObjectCreated:Append log',
      'ObjectCreated:Append log',
      'ObjectCreated:Put link',
      'ObjectCreated:CompleteMultipartUpload film',
      'ObjectCreated:Put tx',
      'ObjectCreated:Copy small/copied',
      'ObjectRemoved:Delete large',
      'ObjectRemoved:Delete link',
      'ObjectRemoved:Delete log',
      'ObjectRemoved:Delete tx',
      'ObjectRemoved:Delete small',
    ]);
    const ids = events.map(({ id }) => id);
    t.deepEqual(ids, [...new Set(ids)].sort(), 'ids ascend');
    const { id: _, ...first } = events[0] as ObjectEvent;
    const { etag, size, lastModified: time } = put;
    t.deepEqual(first, {
      type: 'ObjectCreated:Put',
      time,
      bucket: 'docs',
      key: 'small',
      etag,
      size,
    });
    t.is(events[2]?.size, large.length);
    t.is(events[3]?.etag, events[4]?.etag);
    t.deepEqual([events[7]?.etag, events[7]?.size], [grown.etag, 6]);
    t.deepEqual([events[9]?.etag, events[9]?.size], [film.etag, large.length]);
    t.deepEqual([events[16]?.etag, events[16]?.size], [undefined, undefined]);
  });

  withStore('tells nothing of what was refused', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const from = await bucket.events.last();
    const { etag } = await bucket.put('key', 'text');
    const absent = { onlyIf: { absent: true } } as const;
    await rejection(t, bucket.put('key', 'again', absent), 'FileAlreadyExists');
    await rejection(t, bucket.put('key', new Uint8Array(300_000), absent), 'FileAlreadyExists');
    const wrong = { checksum: { md5: '0'.repeat(32) } };
    await rejection(t, bucket.put('key', 'text', wrong), 'InvalidDigest');
    await t.throwsAsync(
      bucket.put(
        'key',
        (async function* () {
          yield new Uint8Array(400_000);
          throw new Error('boom');
        })(),
      ),
    );
    await rejection(t, bucket.remove('key', { onlyIf: { etag: 'other' } }), 'PreconditionFailed');
    await rejection(t, bucket.append('key', 'more'), 'ObjectNotAppendable');
    await t.throwsAsync(
      store.transaction(async (tx) => {
        await tx.bucket('docs').put('tx', 'text');
        tx.bucket('docs').require('key', { etag: 'other' });
      }),
    );
    const events = await told(bucket, from);
    t.deepEqual(
      events.map((event) => event.etag),
      [etag],
    );
  });

  withStore('goes on behind any event, and a page is no limit', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const from = await bucket.events.last();
    for (let i = 0; i < 3; i++)
      await store.transaction(async (tx) => {
        for (let j = 0; j < 200; j++) await tx.bucket('docs').put(`${i}-${j}`, 'text');
      });
    const all = await take(bucket, 600, { from });
    t.deepEqual(
      all.map(({ key }) => key),
      [0, 1, 2].flatMap((i) => Array.from({ length: 200 }, (_, j) => `${i}-${j}`)),
    );
    for (const i of [0, 1, 198, 199, 200, 255, 256, 257, 598]) {
      const rest = await take(bucket, 599 - i, { from: all[i]?.id });
      t.deepEqual(rest, all.slice(i + 1));
    }
  });

  withStore('tells of as many changes as a commit can hold', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const from = await bucket.events.last();
    const keys = Array.from({ length: 1000 }, (_, i) => `${i}-`.padEnd(510, 'ä'));
    await store.transaction(async (tx) => {
      for (const key of keys.slice(0, 500)) await tx.bucket('docs').put(key, 'text');
    });
    await Promise.all(keys.slice(500).map((key) => bucket.put(key, 'text')));
    await bucket.remove(keys);
    const events = await take(bucket, 2000, { from });
    t.deepEqual(
      events.slice(0, 500).map(({ key }) => key),
      keys.slice(0, 500),
    );
    const removed = events.slice(1000);
    t.true(removed.every(({ type }) => type === 'ObjectRemoved:Delete'));
    t.deepEqual(removed.map(({ key }) => key).sort(), [...keys].sort());
  });

  withStore('wakes for what is wanted, however many watch', async (t, store) => {
    const bucket = await store.createBucket('docs');
    await bucket.events.last();
    const wants: [WatchOptions, string][] = [
      [{}, 'other'],
      [{ prefix: 'a/' }, 'a/b.jpg'],
      [{ suffix: '.jpg' }, 'a/b.jpg'],
      [{ prefix: 'ä', suffix: '.png' }, 'ä.png'],
      [{ type: ['ObjectRemoved:Delete'] }, 'other'],
      [{ type: [], prefix: '' }, 'never'],
    ];
    const watches = await Promise.all(wants.map(([options]) => waiting(bucket, options)));
    for (const key of ['other', 'a/b.jpg', 'ä.png']) await bucket.put(key, 'text');
    await bucket.remove('other');
    for (const [i, { iterator, next }] of watches.entries()) {
      const key = wants[i]?.[1];
      if (key === 'never') t.deepEqual(await iterator.return?.(), { done: true, value: undefined });
      const { value, done } = await next;
      t.is(key === 'never' ? done : value?.key, key === 'never' ? true : key);
      await iterator.return?.();
    }
  });

  withStore('begins from now on where nothing is said', async (t, store) => {
    const bucket = await store.createBucket('docs');
    await bucket.put('before', 'text');
    const next = take(bucket, 1);
    let settled = false;
    const settle = () => {
      settled = true;
    };
    next.then(settle, settle);
    for (let i = 0; !settled; i++) await bucket.put(`later-${i}`, 'text');
    t.regex((await next)[0]?.key ?? '', /^later-/);
    t.deepEqual(await bucket.events.get(), { keep: 10_000 });
  });

  withStore('ends at once with return(), the signal and the store', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const returned = await waiting(bucket);
    const two = [returned.next, returned.iterator.next()];
    t.deepEqual(await returned.iterator.return?.(), { done: true, value: undefined });
    for (const next of two) t.deepEqual(await next, { done: true, value: undefined });
    t.true((await returned.iterator.next()).done);

    const controller = new AbortController();
    const cut = await waiting(bucket, { signal: controller.signal });
    controller.abort(new Error('enough'));
    const error = await rejection(t, cut.next, 'ABORTED');
    t.is((error.cause as Error).message, 'enough');
    await rejection(t, take(bucket, 1, { signal: controller.signal }), 'ABORTED');

    // What was read but not handed over yet is not handed over either.
    const later = new AbortController();
    const from = await bucket.events.last();
    for (const key of ['a', 'b']) await bucket.put(key, key);
    const slow = bucket.watch({ from, signal: later.signal })[Symbol.asyncIterator]();
    t.is((await slow.next()).value?.key, 'a');
    later.abort();
    await rejection(t, slow.next(), 'ABORTED');

    const open = await waiting(bucket);
    const idle = bucket.watch({ from })[Symbol.asyncIterator]();
    t.is((await idle.next()).value?.key, 'a');
    const closed = store.close();
    t.is(await outcome(open.next), 'STORE_CLOSED');
    t.is(await outcome(idle.next()), 'STORE_CLOSED');
    await closed;
    t.is(await outcome(take(bucket, 1)), 'STORE_CLOSED');
  });

  withStore('ends with its bucket, and when its events are forgotten', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const from = await bucket.events.last();
    await bucket.put('key', 'text');
    const [{ id }] = (await take(bucket, 1, { from })) as [ObjectEvent];
    const forgotten = await waiting(bucket);
    await bucket.events.delete();
    t.is(await outcome(forgotten.next), 'EVENTS_GONE');
    t.is(await bucket.events.get(), null);
    await bucket.events.delete();
    t.is(await outcome(take(bucket, 1, { from: id })), 'EVENTS_GONE');
    // Kept again: what happened in between was told to nobody.
    await bucket.put('key', 'untold');
    await bucket.events.set({});
    t.is(await outcome(take(bucket, 1, { from: id })), 'EVENTS_GONE');
    t.is(await outcome(take(bucket, 1, { from })), 'EVENTS_GONE');

    await bucket.remove('key');
    const gone = await waiting(bucket);
    await bucket.delete();
    t.is(await outcome(gone.next), 'NoSuchBucket');
    t.is(await outcome(take(bucket, 1)), 'NoSuchBucket');
    await store.createBucket('docs');
    t.is(await bucket.events.get(), null);
    const error = await rejection(t, take(bucket, 1, { from: id }), 'EVENTS_GONE');
    t.regex(error.message, /deleted/);
    t.is(error.status, 410);
  });

  withStore('keeps as many events as asked for, and says when one is gone', async (t, store) => {
    const bucket = await store.createBucket('docs');
    await bucket.events.set({ keep: 32 });
    const from = await bucket.events.last();
    const slow = bucket.watch({ from })[Symbol.asyncIterator]();
    await bucket.put('first', 'text');
    t.is((await slow.next()).value?.key, 'first');
    let gone = '';
    const before: string[] = [];
    for (let i = 0; gone !== 'EVENTS_GONE'; i++) {
      before.push(await bucket.events.last());
      await bucket.put(`key-${i}`, 'text');
      const reader = bucket.watch({ from })[Symbol.asyncIterator]();
      gone = await outcome(reader.next());
      await reader.return?.();
      // Forgetting goes on beside the puts, and a few more may be told meanwhile.
      if (i > 1000) throw new Error('nothing is forgotten');
      if (gone === 'EVENTS_GONE') t.true(i >= 32, `${i} puts`);
    }
    t.is(await outcome(slow.next()), 'EVENTS_GONE');
    // What is told is numbered as it was put, up to the last one.
    const kept = await take(bucket, 32, { from: before.at(-32) });
    t.deepEqual(
      kept.map(({ key }) => key),
      before.slice(-32).map((_, i) => `key-${before.length - 32 + i}`),
    );
    const last = await bucket.events.last();
    await bucket.put('after', 'text');
    t.deepEqual(inShort(await take(bucket, 1, { from: last })), ['ObjectCreated:Put after']);
  });

  withStore('keeps what was asked for, whoever else begins to keep', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const begun = [bucket.events.last(), bucket.events.set({ keep: 40 }), bucket.events.last()];
    await Promise.all(begun);
    t.deepEqual(await bucket.events.get(), { keep: 40 });
    await bucket.events.set({ keep: 50 });
    t.deepEqual(await bucket.events.get(), { keep: 50 });
    await bucket.events.set({});
    t.deepEqual(await bucket.events.get(), { keep: 10_000 });
  });

  withStore('joins a list and its events without a gap', async (t, store) => {
    const dice = new Dice();
    t.log(`SEED=${dice.seed}`);
    const bucket = await store.createBucket('docs');
    let writing = true;
    const write = async (): Promise<void> => {
      while (writing) {
        const key = `key-${dice.below(20)}`;
        if (dice.below(3) === 0) await bucket.remove(key);
        else await bucket.put(key, 'text');
      }
    };
    const writers = [write(), write(), write()];
    for (let i = 0; i < 20; i++) await bucket.put('other', 'text');
    const from = await bucket.events.last();
    const state = new Map<string, string>();
    for await (const { key, etag } of bucket.list()) state.set(key, etag);
    const rest: ObjectEvent[] = [];
    const watcher = (async () => {
      for await (const event of bucket.watch({ from })) {
        rest.push(event);
        if (event.key === 'end') break;
      }
    })();
    for (let i = 0; i < 20; i++) await bucket.put('other', 'text');
    writing = false;
    await Promise.all(writers);
    await bucket.put('end', '');
    await watcher;
    for (const { key, etag } of rest)
      if (etag === undefined) state.delete(key);
      else state.set(key, etag);
    const truth = new Map<string, string>();
    for await (const { key, etag } of bucket.list()) truth.set(key, etag);
    t.deepEqual(new Map([...state].sort()), truth);
  });

  withStore('refuses what is no option, no id and no number of events', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const bad: [unknown, ErrorCode | 'TypeError'][] = [
      [{ form: 'x' }, 'InvalidArgument'],
      [{ from: 'x' }, 'InvalidArgument'],
      [{ from: 'F'.repeat(40) }, 'InvalidArgument'],
      [{ from: `${'0'.repeat(40)}\n` }, 'InvalidArgument'],
      [{ from: '0'.repeat(1 << 20) }, 'InvalidArgument'],
      [{ from: '0'.repeat(40) }, 'EVENTS_GONE'],
      [{ from: 7 }, 'TypeError'],
      [{ prefix: 7 }, 'TypeError'],
      [{ suffix: '\0' }, 'InvalidObjectName'],
      [{ type: 'ObjectCreated:Put' }, 'TypeError'],
      [{ type: ['ObjectCreated'] }, 'InvalidArgument'],
      [{ signal: {} }, 'TypeError'],
      [null, 'TypeError'],
    ];
    for (const [options, code] of bad)
      if (code === 'TypeError')
        await t.throwsAsync(take(bucket, 1, options as never), { instanceOf: TypeError });
      else t.is(await outcome(take(bucket, 1, options as never)), code, JSON.stringify(options));
    t.is(await bucket.events.get(), null, 'nothing was kept for any of them');
    for (const keep of [0, -1, 1.5, 100_001, Number.NaN])
      await rejection(t, bucket.events.set({ keep }), 'InvalidArgument');
    for (const config of [null, 7, { keep: '7' }])
      await t.throwsAsync(bucket.events.set(config as never), { instanceOf: TypeError });
    // An id ahead of all that has happened: the store was set back.
    const last = await bucket.events.last();
    const ahead = `${last.slice(0, 16)}${'0'.repeat(2)}${'f'.repeat(14)}${last.slice(32)}`;
    t.is(await outcome(take(bucket, 1, { from: ahead })), 'EVENTS_GONE');
    const missing = store.bucket('missing');
    for (const call of [
      missing.events.get(),
      missing.events.set({}),
      missing.events.delete(),
      missing.events.last(),
      take(missing, 1),
      take(missing, 1, { from: last }),
    ])
      await rejection(t, call, 'NoSuchBucket');
  });
};
