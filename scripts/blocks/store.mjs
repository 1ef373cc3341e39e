// The store that is recorded and judged, as its users open it.
import { join } from 'node:path';

const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href);
const { open } = await built('index.js');
const { rescueStore } = await built('rescue/rescue.js');
const rootKey = () => new Uint8Array(32).fill(7);

/** Long enough that no zone is expelled for the slowness of a machine under test. */
const zoneDeadlineMs = 60_000;

export const openStore = (place, zones, create) =>
  open(join(place, 'store'), {
    zones,
    rootKey: rootKey(),
    create,
    zoneDeadlineMs,
  });

/** Every object of the store, by its key. */
export async function readAll(store) {
  const bucket = store.bucket('docs');
  const found = new Map();
  for (const { key } of await bucket.list().toArray()) {
    found.set(key, Buffer.from(await (await bucket.get(key)).bytes()));
  }
  return found;
}

export const zonesOf = (place, zones) =>
  Array.from({ length: zones }, (_, i) => join(place, 'store', `zone-${i + 1}`));

/** Every object, by its key, as the rescue reader finds it in these zones. */
export async function rescueAll(folders) {
  const found = new Map();
  for (const object of (await rescueStore(folders, { rootKey: rootKey() })).objects()) {
    const pieces = [];
    for await (const { bytes } of object.pieces()) pieces.push(bytes ?? Buffer.from('lost'));
    found.set(object.key, Buffer.concat(pieces));
  }
  return found;
}
