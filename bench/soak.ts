// The soak: one object far larger than memory in a store that holds a million small ones. Not a
// question of the bench, since it has no floor and takes long; it fails or it does not.
//
//   node --import=tsx bench/soak.ts [--gib 64] [--objects 1000000] [--data DIRECTORY]
//
// The object is streamed in from a generator and out again, and every byte is compared. Exit code 1
// when a byte differs, or when memory grew by more than the goal of the memory bench.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bucket, open } from 'strongroom';
import { memory } from './memory.ts';
import { Bodies } from './rig/bodies.ts';
import { makePlace, removeTree, requireDisk, requireSpace } from './rig/disk.ts';
import { keepInFlight } from './rig/flight.ts';
import { preloadedBody, preloadedKey } from './rig/preloaded.ts';
import { type Reading, readResident } from './rig/resident.ts';
import { Streamed } from './rig/streamed.ts';

const gib = 2 ** 30;
const warmUp = 2 ** 26;
/** Of a small object in one zone's log and index, generously. */
const bytesPerObject = 2000;

const { values } = parseArgs({
  options: {
    gib: { type: 'string', default: '64' },
    objects: { type: 'string', default: '1000000' },
    data: { type: 'string', default: fileURLToPath(new URL('.data', import.meta.url)) },
  },
});
await requireDisk(values.data);
const [size, count] = [Number(values.gib) * gib, Number(values.objects)];
await requireSpace(values.data, size + count * bytesPerObject + 2 * gib);
const place = await makePlace(values.data);
try {
  await soak(join(place, 'store'), size, count);
} finally {
  await removeTree(place);
}

async function soak(path: string, size: number, count: number): Promise<void> {
  // One zone: on three, 4+2 would write half as much again.
  await using store = await open(path, { zones: 1, rootKey: randomBytes(32) });
  const bucket = store.bucket('soak');
  await fill(bucket, count);
  const bodies = new Bodies(2 ** 20);
  await flow(bucket, 'warm-up', new Streamed(bodies, 0, warmUp));
  const before = readResident();
  say(`${count} objects, after warm-up`, before, before);
  const worst = await flow(bucket, 'large', new Streamed(bodies, 0, size), before);
  for (const i of [0, Math.floor(count / 2), count - 1]) {
    const bytes = count > 0 ? await (await bucket.get(preloadedKey(i)))?.bytes() : undefined;
    if (count > 0 && Buffer.compare(bytes ?? Buffer.of(), preloadedBody(i)) !== 0)
      throw new Error(`${preloadedKey(i)} was lost beside the large one`);
  }
  if (worst > memory.goal) {
    console.log(`grew by ${worst.toFixed(1)} MiB, at most ${memory.goal} are allowed`);
    process.exitCode = 1;
  }
}

function fill(bucket: Bucket, count: number): Promise<void> {
  let next = 0;
  return keepInFlight(256, () => {
    if (next >= count) return null;
    const i = next++;
    return bucket.put(preloadedKey(i), preloadedBody(i));
  });
}

/** In and out again; the most that memory grew, in MiB. */
async function flow(
  bucket: Bucket,
  key: string,
  streamed: Streamed,
  before?: Reading,
): Promise<number> {
  const started = performance.now();
  const { checksums } = await bucket.put(key, streamed.body());
  const put = readResident();
  const putEnded = performance.now();
  const got = await bucket.get(key);
  if (got?.checksums.crc64 !== checksums.crc64) throw new Error(`${key}: another CRC64`);
  for await (const part of got) streamed.check(part);
  streamed.checkEnd();
  const get = readResident();
  if (before === undefined) return 0;
  const seconds = [(putEnded - started) / 1000, (performance.now() - putEnded) / 1000];
  say(`put in ${seconds[0]?.toFixed(0)} s, CRC64 ${checksums.crc64}`, put, before);
  say(`got in ${seconds[1]?.toFixed(0)} s, every byte the same`, get, before);
  return Math.max(put.peak, get.peak) - before.rss;
}

function say(what: string, { rss, peak }: Reading, before: Reading): void {
  const grown = (peak - before.rss).toFixed(1);
  console.log(`${what}: ${rss} MiB, peak ${peak}, grown by ${grown}`);
}
