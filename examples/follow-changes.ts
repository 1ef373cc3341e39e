// A copy that follows a bucket, as a search index or a cache would: what changes while it is not
// looking is told when it looks again, also in a later process.
import { type Bucket, open, StoreError } from 'strongroom';

const sizes = new Map<string, number>();
/** Stands beside the copy, wherever that is kept: up to here it has taken everything in. */
let last = '';

/** The objects of now. The id comes first: nothing falls between the list and the events. */
async function begin(bucket: Bucket): Promise<void> {
  last = await bucket.events.last();
  sizes.clear();
  for await (const { key, size } of bucket.list()) sizes.set(key, size);
}

/** Takes in every change until that of `key`. */
async function followUntil(bucket: Bucket, key: string): Promise<void> {
  for await (const event of bucket.watch({ from: last })) {
    if (event.size === undefined) sizes.delete(event.key);
    else sizes.set(event.key, event.size);
    last = event.id;
    if (event.key === key) return;
  }
}

const store = await open('./data');
const reports = await store.createBucket('reports');
await reports.events.set({ keep: 1000 });
await reports.put('2023', 'twelve bytes');
await begin(reports);
console.log(sizes);

const following = followUntil(reports, '2025');
await reports.put('2024', 'text');
await reports.remove('2023');
await reports.put('2025', 'other text');
await following;
console.log(sizes);
await store.close();

const again = await open('./data');
const bucket = again.bucket('reports');
await bucket.move('2025', 'final');
await bucket.put('2026', '');
await followUntil(bucket, '2026');
console.log(sizes);

// Away for longer than the events are kept, it begins anew.
await bucket.events.delete();
await bucket.put('2027', 'untold');
try {
  await followUntil(bucket, '2027');
} catch (error) {
  if (!StoreError.is(error, 'EVENTS_GONE')) throw error;
  await begin(bucket);
}
console.log(sizes);
await again.close();
