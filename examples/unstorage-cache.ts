// A cache through unstorage: its calls, our store. What is kept survives the process, sealed.
//   npx tsx examples/unstorage-cache.ts [DIRECTORY]
import { open } from 'strongroom';
import { unstorageDriver } from 'strongroom/unstorage';
import { createStorage, prefixStorage } from 'unstorage';

const directory = process.argv[2] ?? './data';
await using store = await open(directory);
const bucket = store.bucket('cache');
const cache = createStorage({ driver: unstorageDriver({ bucket, base: 'v1' }) });
const users = prefixStorage<{ name: string }>(cache, 'users');

let computed = 0;
async function user(id: string): Promise<{ name: string }> {
  const known = await users.getItem(id);
  if (known !== null) return known;
  computed++;
  const fresh = { name: `user ${id}` };
  await users.setItem(id, fresh);
  return fresh;
}

await user('7');
await user('7');
console.log(await user('7'), computed);

// An item is an object like any other.
for await (const { key, size } of bucket.list()) console.log(key, size);

// Raw items are bytes, of whatever a put takes.
await cache.setItemRaw('pages:home', new Response('<h1>hello</h1>'));
console.log(String(await cache.getItemRaw('pages:home')), await cache.getKeys('pages'));

await cache.clear();
console.log(await cache.getKeys());
