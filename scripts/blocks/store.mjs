// The store that is recorded and judged, as its users open it.
import { join } from 'node:path';

const { open } = await import(new URL('../../dist/index.js', import.meta.url).href);

/** Long enough that no zone is expelled for the slowness of a machine under test. */
const zoneDeadlineMs = 60_000;

export const openStore = (place, zones, create) =>
  open(join(place, 'store'), {
    zones,
    rootKey: new Uint8Array(32).fill(7),
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
