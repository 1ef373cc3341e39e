// `strongroom replace-zone`: a new zone, in an empty folder, takes the place of one whose disk is
// gone or shall go.
import { exitCodes } from './exit-code.ts';
import { type StoreCommand, withStore } from './opened-store.ts';

/** Returns the exit code. */
export async function replaceZone(
  path: string,
  zone: string,
  folder: string,
  options: StoreCommand,
): Promise<number> {
  return withStore(path, options, async (store, signal) => {
    await store.health.replaceZone(Number(zone), folder, { signal });
    const { ok, zones } = await store.health.status();
    const paths = zones.map((each) => each.path);
    if (options.json) console.log(JSON.stringify({ ok, zones: paths }));
    else console.log(`open the store with these zones from now on:\n${paths.join('\n')}`);
    return ok ? 0 : exitCodes.corrupt;
  });
}
