// Listings: order, prefixes, delimiters, pages and cursors, both ways; compared with a naive
// listing.

import type { Bucket, ListOptions } from '../../lib/index.ts';
import { all, Dice, rejection, type Section } from './support.ts';

interface Line {
  readonly text: string;
  readonly isPrefix: boolean;
}

/** The listing as anybody would write it over an array of keys. */
function naiveList(keys: Iterable<string>, options: ListOptions): Line[] {
  const { prefix = '', delimiter, startAfter = '', reverse = false } = options;
  const lines = new Map<string, Line>();
  const before = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue;
    const found = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
    const isPrefix = found >= 0;
    const text = isPrefix ? key.slice(0, found + (delimiter ?? '').length) : key;
    if (startAfter !== '') {
      // A common prefix is listed while it stands for a key that is still to come.
      const comes = reverse ? before(key, startAfter) : before(startAfter, key);
      if (!comes || (isPrefix && text === startAfter)) continue;
    }
    lines.set(text, { text, isPrefix });
  }
  const sorted = [...lines.values()].sort((a, b) => (before(a.text, b.text) ? -1 : 1));
  return reverse ? sorted.reverse() : sorted;
}

/** Pages joined; objects and prefixes of a page are told apart, so they are compared apart. */
async function listed(bucket: Bucket, options: ListOptions): Promise<[string[], string[]]> {
  const objects: string[] = [];
  const prefixes: string[] = [];
  for await (const page of bucket.list(options).pages()) {
    objects.push(...page.objects.map(({ key }) => key));
    prefixes.push(...page.prefixes);
  }
  return [objects, prefixes];
}

function split(lines: readonly Line[]): [string[], string[]] {
  return [
    lines.filter(({ isPrefix }) => !isPrefix).map(({ text }) => text),
    lines.filter(({ isPrefix }) => isPrefix).map(({ text }) => text),
  ];
}

const tree = [
  'a',
  'a/',
  'a/b',
  'a/b/c',
  'a/c',
  'a0',
  'ab',
  'b//c',
  'b/\uffff',
  'b/😀',
  'c',
  'd/e/f/g',
  'ä/b',
];

export const listSection: Section = (withStore) => {
  withStore('lists with prefixes, delimiters, starts and limits, both ways', async (t, store) => {
    const bucket = store.bucket('docs');
    await Promise.all(tree.map((key) => bucket.put(key, key)));
    await store.bucket('docs-2').put('a/zzz', 'other bucket');
    for (const prefix of [undefined, '', 'a', 'a/', 'a/b', 'b', 'ä', 'zzz', '/'])
      for (const delimiter of [undefined, '/', '//', 'b', 'b/', 'ä', '😀'])
        for (const startAfter of [undefined, '', 'a', 'a/', 'a/b', 'a/b/', 'b/', 'b/😀', 'zzz'])
          for (const reverse of [undefined, false, true]) {
            const options = { prefix, delimiter, startAfter, reverse };
            const expected = naiveList(tree, options);
            const about = JSON.stringify(options);
            t.deepEqual(await listed(bucket, options), split(expected), about);
            const some = await listed(bucket, { ...options, limit: 3 });
            t.deepEqual(some, split(expected.slice(0, 3)), about);
          }
  });

  withStore('goes on from every cursor', async (t, store) => {
    const bucket = store.bucket('docs');
    await Promise.all(tree.map((key) => bucket.put(key, key)));
    for (const delimiter of [undefined, '/'])
      for (const reverse of [false, true])
        for (const limit of [1, 2, 5]) {
          const options: ListOptions = { delimiter, reverse, prefix: '' };
          const lines: Line[] = [];
          let cursor: string | undefined;
          do {
            const [page] = await all(bucket.list({ ...options, limit, cursor }).pages());
            if (page === undefined) break;
            t.true(page.objects.length + page.prefixes.length <= limit);
            t.is(page.truncated, page.cursor !== undefined);
            const of = (isPrefix: boolean) => (text: string) => ({ text, isPrefix });
            lines.push(...page.objects.map(({ key }) => of(false)(key)));
            lines.push(...page.prefixes.map(of(true)));
            cursor = page.cursor;
          } while (cursor !== undefined);
          t.deepEqual(split(lines), split(naiveList(tree, options)));
        }
  });

  withStore('lists a bucket of many pages', async (t, store) => {
    const bucket = store.bucket('docs');
    const keys = Array.from({ length: 2500 }, (_, i) => `key-${String(i).padStart(5, '0')}`);
    for (let at = 0; at < keys.length; at += 250)
      await Promise.all(keys.slice(at, at + 250).map((key) => bucket.put(key, key)));
    const listing = bucket.list();
    t.deepEqual(
      (await listing.toArray()).map(({ key }) => key),
      keys,
    );
    // A listing may be iterated again.
    t.is((await all(listing)).length, keys.length);
    for await (const { objects } of listing.pages()) t.true(objects.length <= 1000);
    t.is((await bucket.list({ limit: 1700 }).toArray()).length, 1700);
    t.is((await bucket.list({ reverse: true, limit: 1 }).toArray())[0]?.key, keys.at(-1));
    let seen = 0;
    for await (const { size } of bucket.list()) {
      seen += size;
      if (seen > 9000) break;
    }
    t.true(seen > 9000);
    await bucket.remove(keys);
    t.deepEqual(await bucket.list().toArray(), []);
  });

  withStore('shows what listings and heads agree on', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('a', 'text', { contentType: 'a/b', metadata: { c: 'd' } });
    await bucket.put('b', new Uint8Array(300_000));
    for await (const object of bucket.list())
      t.deepEqual(object.toJSON(), (await bucket.head(object.key))?.toJSON());
    t.deepEqual(await all(bucket.list({ delimiter: '/' }).prefixes()), []);
    await bucket.put('c/d', 'text');
    t.deepEqual(await all(bucket.list({ delimiter: '/' }).prefixes()), ['c/']);
  });

  withStore('refuses cursors of other listings and options that cannot be', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const name of [bucket, store.bucket('docs-2')])
      await Promise.all(['a', 'b', 'c'].map((key) => name.put(key, key)));
    const [page] = await all(bucket.list({ limit: 1 }).pages());
    const cursor = page?.cursor ?? '';
    t.is((await bucket.list({ cursor }).toArray()).length, 2);
    const bad: ListOptions[] = [
      { cursor, prefix: 'a' },
      { cursor, reverse: true },
      { cursor, delimiter: '/' },
      { cursor, startAfter: 'a' },
      { cursor: '' },
      { cursor: 'x' },
      { cursor: `${cursor}A` },
      { cursor: cursor.slice(0, -2) },
      { cursor: `${cursor} ` },
      { cursor: cursor.replace(/^./, 'B') },
      { cursor: 'A'.repeat(5000) },
      { delimiter: '' },
      { limit: 0 },
      { limit: -1 },
      { limit: 1.5 },
      { limit: Number.NaN },
    ];
    for (const options of bad)
      await rejection(
        t,
        bucket.list(options).toArray(),
        'InvalidArgument',
        JSON.stringify(options),
      );
    await rejection(t, store.bucket('docs-2').list({ cursor }).toArray(), 'InvalidArgument');
    for (const text of ['a\0', '\ud800', 'a'.repeat(1024)]) {
      await rejection(t, bucket.list({ prefix: text }).toArray(), 'InvalidObjectName');
      await rejection(t, bucket.list({ startAfter: text }).toArray(), 'InvalidObjectName');
      await rejection(t, bucket.list({ delimiter: text }).toArray(), 'InvalidObjectName');
    }
    for (const options of [{ prefix: 7 }, { reverse: 1 }, { limit: '1' }, { cursor: null }])
      await t.throwsAsync(bucket.list(options as never).toArray(), { instanceOf: TypeError });
  });

  withStore('agrees with a naive listing of random keys', async (t, store) => {
    const dice = new Dice();
    t.log(`SEED=${dice.seed}`);
    const bucket = store.bucket('docs');
    const letters = ['a', 'b', '/', '\x01', '\uffff', '😀', '\ue000'];
    const word = (size: number): string =>
      Array.from({ length: dice.below(size) }, () => dice.pick(letters)).join('');
    const keys = [...new Set(Array.from({ length: 300 }, () => `k${word(8)}`))];
    await Promise.all(keys.map((key) => bucket.put(key, '')));
    for (let i = 0; i < 300; i++) {
      const options: ListOptions = {
        prefix: dice.pick([undefined, `k${word(3)}`]),
        delimiter: dice.pick([
          undefined,
          dice.pick(letters),
          dice.pick(letters) + dice.pick(letters),
        ]),
        startAfter: dice.pick([undefined, `k${word(5)}`, dice.pick(keys)]),
        reverse: dice.pick([true, false]),
        limit: dice.pick([undefined, 1 + dice.below(20)]),
      };
      const expected = naiveList(keys, options).slice(0, options.limit);
      t.deepEqual(await listed(bucket, options), split(expected), JSON.stringify(options));
    }
  });

  withStore('gives each entry to one of several consumers', async (t, store) => {
    const bucket = store.bucket('docs');
    const keys = Array.from({ length: 2100 }, (_, i) => `${String(i).padStart(4, '0')}/key`);
    await Promise.all(keys.map((key) => bucket.put(key, '')));
    const text = (value: { key: string } | string) =>
      typeof value === 'string' ? value : value.key;
    for (const [listing, expected] of [
      [bucket.list(), keys],
      [bucket.list({ delimiter: '/' }).prefixes(), keys.map((key) => key.slice(0, 5))],
    ] as const) {
      const iterator = (listing as AsyncIterable<{ key: string } | string>)[Symbol.asyncIterator]();
      const seen: string[] = [];
      const consume = async (): Promise<void> => {
        for (;;) {
          const steps = await Promise.all([iterator.next(), iterator.next(), iterator.next()]);
          for (const step of steps) if (!step.done) seen.push(text(step.value));
          if (steps.some((step) => step.done)) return;
        }
      };
      await Promise.all([consume(), consume(), consume(), consume()]);
      t.deepEqual(seen.sort(), [...expected]);
      t.true((await iterator.next()).done);
    }

    const left = bucket.list()[Symbol.asyncIterator]();
    const first = left.next();
    const ended = left.return?.();
    const after = left.next();
    t.deepEqual((await first).value?.key, keys[0]);
    t.true((await ended)?.done);
    t.true((await after).done);
  });
};
