// Quickstart: put, get, list, remove.
//   npx tsx examples/quickstart.ts [DIRECTORY]
import { open } from 'strongroom';

const directory = process.argv[2] ?? './data';
await using store = await open(directory);
const docs = store.bucket('docs');

// Any body will do: text, bytes, Blob, streams, iterables.
await docs.put('hello.txt', 'Hello', { contentType: 'text/plain' });
await docs.put('reports/2024.json', JSON.stringify({ total: 42 }));
await docs.put('reports/2025.json', JSON.stringify({ total: 43 }));

// Absent is null, not an error.
const hello = await docs.get('hello.txt');
console.log(await hello?.text());
console.log(await docs.get('missing.txt'));

// A condition that does not hold throws, and nothing is changed.
try {
  await docs.put('hello.txt', 'again', { onlyIf: { absent: true } });
} catch (error) {
  console.log((error as { code: string }).code);
}

// Listings are async iterables, in byte order of the keys.
for await (const { key, size } of docs.list({ prefix: 'reports/' })) console.log(key, size);

await docs.remove('hello.txt');
console.log(await docs.has('hello.txt'));
