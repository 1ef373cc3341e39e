// The preloaded store: a million objects on three zones, made once and kept in the data directory.
//
//   key i  = o/ ‖ mixed(i) as 8 hex digits ‖ / ‖ i     the order of keys is not the order of puts
//   body i = SHA-512 of the key, four times (256 bytes)
//
// A stamp beside the store says what it was made by; another stamp, and it is made again.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'strongroom';
import { removeTree, requireSpace, syncTree } from './disk.ts';
import { keepInFlight } from './flight.ts';
import type { Stand } from './question.ts';

export const bucketName = 'bench';
export const preloadedPrefix = 'o/';
/** Raised when keys, bodies or the number of zones change. */
const version = 1;
const copies = 4;
/** A generous guess: three logs, three indexes, and what is allocated ahead. */
const bytesPerObject = 6000;

export interface Preloaded {
  readonly path: string;
  readonly count: number;
}

export function preloadedKey(i: number): string {
  const mixed = Math.imul(i, 2654435761) >>> 0;
  return `${preloadedPrefix}${mixed.toString(16).padStart(8, '0')}/${i}`;
}

export function preloadedBody(i: number): Uint8Array {
  const hash = createHash('sha512').update(preloadedKey(i)).digest();
  return Buffer.concat(Array.from({ length: copies }, () => hash));
}

/** The store, closed. It must be copied by whoever writes to it. */
export async function preloaded(stand: Stand): Promise<Preloaded> {
  const count = stand.quick ? 5_000 : 1_000_000;
  const place = join(stand.data, `preloaded-${count}`);
  const path = join(place, 'store');
  const stamp = join(place, 'stamp.json');
  const wanted = JSON.stringify({ version, count });
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return { path, count };
  await removeTree(place);
  await requireSpace(stand.data, count * bytesPerObject);
  await load(stand, path, count);
  await syncTree(place);
  // The stamp comes last, by a rename: a fixture that was interrupted has none.
  await writeFile(`${stamp}.tmp`, wanted);
  await rename(`${stamp}.tmp`, stamp);
  return { path, count };
}

/** A copy of one's own, root key included; shares blocks where the file system can. */
export async function copyOfPreloaded(stand: Stand): Promise<Preloaded> {
  const { path, count } = await preloaded(stand);
  const copy = join(stand.place, 'store');
  stand.say('copying the preloaded store');
  const options = { recursive: true, mode: constants.COPYFILE_FICLONE };
  await cp(path, copy, options);
  await cp(`${path}.rootkey`, `${copy}.rootkey`);
  await syncTree(copy);
  return { path: copy, count };
}

async function load(stand: Stand, path: string, count: number): Promise<void> {
  stand.say(`building the preloaded store: ${count} objects, once`);
  await using store = await open(path, { zones: 3 });
  const bucket = store.bucket(bucketName);
  const started = performance.now();
  let next = 0;
  await keepInFlight(256, () => {
    if (next >= count) return null;
    if (next > 0 && next % (count / 20) === 0) {
      const seconds = (performance.now() - started) / 1000;
      stand.say(`  ${next} objects, ${Math.round(next / seconds)}/s`);
    }
    const i = next++;
    return bucket.put(preloadedKey(i), preloadedBody(i));
  });
}
