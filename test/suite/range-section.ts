// Ranges: every form, at every edge, and the ones that are refused.
import { randomBytes } from 'node:crypto';
import type { Range } from '../../lib/index.ts';
import { bytesOf, found, megabyte, rejection, type Section } from './support.ts';

/** Range, offset and length that it must mean for an object of `size` bytes. */
function goodRanges(size: number): [Range, offset: number, length: number][] {
  const last = size - 1;
  return [
    [{ offset: 0 }, 0, size],
    [{ offset: last }, last, 1],
    [{ length: 1 }, 0, 1],
    [{ length: size }, 0, size],
    [{ length: Number.MAX_SAFE_INTEGER }, 0, size],
    [{ offset: 1, length: 2 }, 1, Math.min(2, size - 1)],
    [{ offset: last, length: Number.MAX_SAFE_INTEGER }, last, 1],
    [{ offset: 0, length: 0 }, 0, 0],
    [{ suffix: 1 }, last, 1],
    [{ suffix: size }, 0, size],
    [{ suffix: size + 1 }, 0, size],
    [{ suffix: Number.MAX_SAFE_INTEGER }, 0, size],
    ['bytes=0-0', 0, 1],
    ['bytes=0-', 0, size],
    [`bytes=${last}-${last}`, last, 1],
    [`bytes=0-${Number.MAX_SAFE_INTEGER}`, 0, size],
    ['bytes=-1', last, 1],
    [`bytes=-${size + 5}`, 0, size],
    [{ offset: 65_535, length: 2 }, 65_535, 2],
    [{ offset: 65_536 - 3, length: 65_536 + 6 }, 65_533, 65_542],
  ];
}

export const rangeSection: Section = (withStore) => {
  withStore('serves ranges of small and large objects', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [7, 200_000, 2 * megabyte + 3]) {
      const bytes = randomBytes(size);
      await bucket.put('key', bytes);
      for (const [range, offset, length] of goodRanges(size)) {
        if (offset + length > size) continue;
        const about = `${JSON.stringify(range)} of ${size}`;
        const body = await found(bucket.get('key', { range }));
        t.deepEqual(body.range, { offset, length }, about);
        t.is(body.size, size, about);
        const expected = bytes.subarray(offset, offset + length);
        t.true(expected.equals(await body.bytes()), about);
        const streamed = await bytesOf(await found(bucket.get('key', { range })));
        t.true(expected.equals(streamed), about);
      }
    }
    t.is((await found(bucket.get('key'))).range, undefined);
  });

  withStore('refuses ranges outside the object', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [0, 7, 300_000]) {
      await bucket.put('key', new Uint8Array(size));
      const outside: Range[] = [
        { offset: size },
        { offset: size + 1 },
        { offset: Number.MAX_SAFE_INTEGER },
        { offset: size, length: 1 },
        { suffix: 0 },
        `bytes=${size}-`,
        `bytes=${size}-${size + 5}`,
        'bytes=-0',
      ];
      if (size === 0) outside.push({ suffix: 1 }, { length: 1 }, 'bytes=0-', 'bytes=-1');
      for (const range of outside) {
        const about = `${JSON.stringify(range)} of ${size}`;
        const error = await rejection(t, bucket.get('key', { range }), 'InvalidRange', about);
        t.is(error.status, 416);
        t.is(error.key, 'key');
      }
    }
    t.is(await bucket.get('missing', { range: { offset: 5 } }), null);
    t.is(await bucket.get('missing', { range: { suffix: 5 } }), null);
  });

  withStore('refuses what can be no range', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', 'text');
    const bad = [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY];
    const ranges: object[] = [
      ...bad.flatMap((value) => [{ offset: value }, { length: value }, { suffix: value }]),
      {},
      { offset: 0, suffix: 1 },
      { length: 1, suffix: 1 },
      { offset: 0, end: 1 },
    ];
    for (const range of ranges)
      await rejection(
        t,
        bucket.get('key', { range: range as Range }),
        'InvalidArgument',
        JSON.stringify(range),
      );
    for (const text of [
      '',
      'bytes=',
      'bytes=-',
      'bytes=1',
      'bytes=2-1',
      'bytes=a-b',
      'bytes=0-1,2-3',
      'bytes= 0-1',
      'items=0-1',
      'bytes=--1',
      'bytes=0x1-2',
      'bytes=99999999999999999999-',
      'bytes=-99999999999999999999',
    ])
      await rejection(t, bucket.get('key', { range: text as Range }), 'InvalidArgument', text);
    for (const range of [{ offset: '1' }, { suffix: null }, 7, null, [0, 1]])
      await t.throwsAsync(bucket.get('key', { range: range as never }), { instanceOf: TypeError });
  });
};
