// Two writers, one object, no lost update: read, change, put back only if nobody else was faster.
//   npx tsx examples/conditional-update.ts [DIRECTORY]
import { type Bucket, open, StoreError } from 'strongroom';

const directory = process.argv[2] ?? './data';
await using store = await open(directory);
const shop = store.bucket('shop');

// Only one of many can create it.
const first = await Promise.allSettled(
  [1, 2, 3].map((i) => shop.put('stock.json', `{"bolts":${i}00}`, { onlyIf: { absent: true } })),
);
console.log(first.filter(({ status }) => status === 'fulfilled').length);

/** Changes the object as it is now, however many others do the same. */
async function update(bucket: Bucket, key: string, change: (bolts: number) => number) {
  for (;;) {
    const object = await bucket.get(key);
    if (object === null) throw new Error(`${key} is gone`);
    const { bolts } = await object.json<{ bolts: number }>();
    try {
      const body = JSON.stringify({ bolts: change(bolts) });
      return await bucket.put(key, body, { onlyIf: { etag: object.etag } });
    } catch (error) {
      if (!StoreError.is(error, 'PreconditionFailed')) throw error;
      // Somebody else was faster: look again. Nothing was written.
    }
  }
}

await shop.put('stock.json', '{"bolts":100}');
await Promise.all(Array.from({ length: 10 }, () => update(shop, 'stock.json', (n) => n - 7)));
console.log(await shop.file('stock.json').text());

// The same for removing: only what I have seen.
const seen = await shop.head('stock.json');
await update(shop, 'stock.json', (n) => n + 1);
try {
  await shop.remove('stock.json', { onlyIf: { etag: seen?.etag ?? '' } });
} catch (error) {
  console.log((error as StoreError).code);
}
