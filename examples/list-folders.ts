// Keys are flat; a delimiter makes folders of them. Pages carry a cursor for the next request.
//   npx tsx examples/list-folders.ts
import { openMemory } from 'strongroom';

// A store in memory has the same surface: for tests, and for trying things.
await using store = await openMemory();
const bucket = store.bucket('site');
for (const key of ['index.html', 'css/main.css', 'img/a.png', 'img/b.png', 'img/icons/x.svg'])
  await bucket.put(key, '');

/** What a file browser shows of one folder. */
async function show(folder: string): Promise<void> {
  for await (const page of bucket.list({ prefix: folder, delimiter: '/' }).pages()) {
    for (const prefix of page.prefixes) console.log(prefix);
    for (const { key } of page.objects) console.log(key);
  }
}
await show('');
await show('img/');

// Stateless paging: hand the cursor to the client, take it back with the next request.
const first = await bucket.list({ limit: 2 }).pages()[Symbol.asyncIterator]().next();
const cursor = first.value?.cursor;
console.log(first.value?.objects.length, typeof cursor);
const rest = await bucket.list({ cursor }).toArray();
console.log(rest.map(({ key }) => key));
