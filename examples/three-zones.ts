// Three zones: one is lost, and every byte still reads back.
//   npx tsx examples/three-zones.ts [DIRECTORY]
import { rename } from 'node:fs/promises';
import { open } from 'strongroom';

const directory = process.argv[2] ?? './data';
// In production give three directories on three disks: zones: ['/a', '/b', '/c'].
const store = await open(directory, { zones: 3 });
const photos = store.bucket('photos');
await photos.put('small.jpg', 'a copy in every zone');
await photos.put('large.jpg', new Uint8Array(4 * 1024 * 1024).fill(7));
await store.close();

// The disk of zone 2 is gone.
await rename(`${directory}/zone-2`, `${directory}/lost`);

await using rest = await open(directory, { zones: 3 });
const again = rest.bucket('photos');
console.log(await (await again.get('small.jpg'))?.text());
const large = await (await again.get('large.jpg'))?.bytes();
console.log(
  large?.length,
  large?.every((byte) => byte === 7),
);

// Writes go on as well, durable in the two zones that are left.
await again.put('new.jpg', 'written without zone 2');
const { ok, zones } = await rest.health.status();
console.log(
  ok,
  zones.map(({ state }) => state),
);
