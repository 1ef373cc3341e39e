// Do older versions and delete markers slow a list of what stands?
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Bucket, open } from 'strongroom';
import { requireSpace } from './rig/disk.ts';
import { median } from './rig/figures.ts';
import { keepInFlight, timed } from './rig/flight.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';

export const listVersions: Question = {
  name: 'list-versions',
  asks: 'list of 10,000 objects with 100 versions each, over the same without versions',
  better: 'higher',
  unit: 'x',
  goal: 0.5,
  measures: 'entries/s',
  measure,
};

const body = randomBytes(100);

async function measure(stand: Stand): Promise<Answer> {
  const [objects, versions, markers, rounds] = stand.quick
    ? [500, 4, 2000, 2]
    : [10_000, 100, 1_000_000, 9];
  if (!stand.quick) await requireSpace(stand.data, 6 * 2 ** 30);
  const store = await open(join(stand.place, 'store'), { zones: 3, rootKey: randomBytes(32) });
  try {
    const plain = await store.createBucket('plain');
    const versioned = await store.createBucket('versioned', { versioning: true });
    const marked = await store.createBucket('marked', { versioning: true });
    await putAll(plain, objects);
    for (let i = 0; i < versions; i++) {
      if (i % 10 === 0) stand.say(`version ${i} of ${versions} of ${objects} objects`);
      await putAll(versioned, objects);
    }
    stand.say(`${markers} delete markers in front of an object`);
    await removeAll(marked, markers);
    await marked.put('z', body);
    const compared = await alternate(stand, rounds, {
      ours: () => rate(versioned, objects),
      floor: () => rate(plain, objects),
    });
    const behind = await pageTimes(marked, rounds * 20);
    const first = await pageTimes(plain, rounds * 20);
    return {
      ...compared,
      peers: { 'a page of one behind the markers, over one of a plain bucket (x)': behind / first },
    };
  } finally {
    await store.close();
  }
}

function putAll(bucket: Bucket, count: number): Promise<void> {
  let next = 0;
  return keepInFlight(256, () => (next < count ? bucket.put(`key-${next++}`, body) : null));
}

/** Of keys that held nothing: each adds a delete marker all the same. */
function removeAll(bucket: Bucket, count: number): Promise<void> {
  let next = 0;
  return keepInFlight(8, () => {
    if (next >= count) return null;
    const keys = Array.from({ length: Math.min(250, count - next) }, (_, i) => `key-${next + i}`);
    next += keys.length;
    return bucket.remove(keys);
  });
}

async function rate(bucket: Bucket, count: number): Promise<number> {
  let entries = 0;
  let sizes = 0;
  const seconds = await timed(async () => {
    for await (const { size } of bucket.list()) {
      entries++;
      sizes += size;
    }
  });
  if (entries !== count || sizes !== count * body.length) throw new Error('the list is not whole');
  return entries / seconds;
}

/** Seconds: the median of pages with one entry. */
async function pageTimes(bucket: Bucket, count: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++)
    times.push(
      await timed(async () => {
        const [entry] = await bucket.list({ limit: 1 }).toArray();
        if (entry?.size !== body.length) throw new Error('the object is not there');
      }),
    );
  return median(times);
}
