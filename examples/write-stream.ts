// Writes through streams: compress on the way in, expand on the way out, leave nothing half done.
//   npx tsx examples/write-stream.ts [DIRECTORY]
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { open } from 'strongroom';

const directory = process.argv[2] ?? './data';
await using store = await open(directory);
const logs = store.bucket('logs');

function* lines(count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield `line ${i}\n`;
}

// The pipeline ends when the object is durable; the writers wait for the disk, not the memory.
const packed = logs.createWriteStream('app.log.gz', { contentType: 'application/gzip' });
await pipeline(lines(100_000), createGzip(), packed);
const { size, contentType } = await packed.done;
console.log(size < 500_000, contentType);

// And back.
const unpacked = logs.file('app.log.gz').readable().pipe(createGunzip());
console.log((await text(unpacked)).split('\n').length);

// A source that fails leaves nothing: no object, no part of one.
function* broken(): Generator<string> {
  yield* lines(10_000);
  throw new Error('the disk of the source is gone');
}
try {
  await pipeline(Readable.from(broken()), logs.createWriteStream('broken.log'));
} catch (error) {
  console.log((error as Error).message);
}
console.log(await logs.has('broken.log'));
