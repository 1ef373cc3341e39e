// Resumes a download where it broke off, but never glues two objects together.
//   npx tsx examples/resume-download.ts [DIRECTORY]
import { appendFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type Bucket, open, StoreError } from 'strongroom';

const directory = process.argv[2] ?? './data';
await using store = await open(directory);
const media = store.bucket('media');
const film = new Uint8Array(3 * 1024 * 1024).map((_, i) => i >> 12);
await media.put('film.raw', film);

/** What was fetched so far, and of which object. */
interface Progress {
  file: string;
  etag?: string;
}

/** Fetches what is missing; breaks off after `pieces` pieces, as a bad line would. */
async function download(bucket: Bucket, key: string, progress: Progress, pieces = Infinity) {
  const offset = await stat(progress.file).then(
    ({ size }) => size,
    () => 0,
  );
  const { etag } = progress;
  // The rest of the very object that was begun.
  const part = await bucket.get(key, etag ? { range: { offset }, onlyIf: { etag } } : {});
  if (part === null) throw new Error(`${key} is gone`);
  progress.etag = part.etag;
  for await (const bytes of part) {
    await appendFile(progress.file, bytes);
    if (--pieces === 0) return false;
  }
  return true;
}

const progress: Progress = { file: './film.raw' };
console.log(await download(media, 'film.raw', progress, 1));
console.log(await download(media, 'film.raw', progress));
console.log((await readFile('./film.raw')).equals(film));

// Replaced between two tries: the rest would belong to another film.
await writeFile('./film.raw', film.subarray(0, 1000));
await media.put('film.raw', 'another film');
try {
  await download(media, 'film.raw', progress);
} catch (error) {
  console.log(StoreError.is(error, 'PreconditionFailed'));
}

// Who wants a whole file or none leaves the rest to saveTo().
const whole = await media.get('film.raw');
await whole?.saveTo('./film.raw');
console.log(await readFile('./film.raw', 'utf8'));
await rm('./film.raw');
