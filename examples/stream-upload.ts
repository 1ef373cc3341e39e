// Streams a body of unknown length with progress, stops a second one half-way, reads a range.
//   npx tsx examples/stream-upload.ts [DIRECTORY]
import { open, StoreError } from 'strongroom';

const directory = process.argv[2] ?? './data';
await using store = await open(directory);
const media = store.bucket('media');

/** A body whose length nobody knows before it ends. */
async function* frames(count: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(64 * 1024).fill(i);
}

// Memory stays bounded whatever the length. Progress counts bytes, ten times a second at most.
let reported = 0;
const film = await media.put('film.raw', frames(100), {
  onProgress: ({ loaded }) => {
    reported = loaded;
  },
});
console.log(film.size, reported);

// An aborted put leaves nothing: not an object, not a byte on disk.
const controller = new AbortController();
const endless = async function* () {
  for (let i = 0; ; i++) {
    if (i === 50) controller.abort();
    yield* frames(1);
  }
};
try {
  await media.put('endless.raw', endless(), { signal: controller.signal });
} catch (error) {
  console.log(StoreError.is(error, 'ABORTED'), await media.has('endless.raw'));
}

// A small range of a large object reads only what it needs.
const part = await media.get('film.raw', { range: { offset: 65_535, length: 2 } });
console.log(await part?.bytes());
