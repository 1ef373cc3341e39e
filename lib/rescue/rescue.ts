// rescue: every current object of a store as a file, from what is left of its zones. Pure
// TypeScript: it works where the native part does not load, and where the software is gone.
import { open, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Extracted, extract, makeEmptyFolder } from './extract.ts';
import type { RescuedObject } from './rescued-object.ts';
import {
  type Losses,
  type RescuedStore,
  type RescueOptions,
  rescueStore,
} from './rescued-store.ts';
import type { Finding } from './zone-folder.ts';

export type { Extracted, Finding, Losses, RescuedObject, RescuedStore, RescueOptions };
export { rescueStore };

export interface RescueToOptions extends RescueOptions {
  /** Bytes of objects that are written, of so many. */
  onBytes?: (done: number, total: number) => void;
}

export interface RescueReport {
  readonly buckets: number;
  readonly objects: number;
  readonly bytes: number;
  /** Objects of which bytes are lost. */
  readonly damaged: readonly Extracted[];
  readonly findings: readonly Finding[];
  /** What of the log is lost for good. */
  readonly losses: Losses;
}

/**
 * Writes every current object to `out`/bucket/key, and one line of JSON for each to
 * `out`/manifest.jsonl. Reads the zones and writes not one byte into them. No other process may be
 * writing the store. Memory: some 700 bytes for each commit that was ever made.
 *
 * @param zones the directories of the store's zones: all, or those that are left
 * @param out a directory that is empty or does not exist yet
 * @throws {StoreError} WRONG_ROOT_KEY, ZONE_UNAVAILABLE, ZONE_FOREIGN, STORE_VERSION, ABORTED,
 *   InvalidArgument when `out` holds anything
 * @example
 * ```ts
 * import { open } from 'strongroom';
 * import { rescue } from 'strongroom/rescue';
 *
 * const store = await open('./data', { zones: 3 });
 * await store.bucket('docs').put('hello.txt', 'hi');
 * await store.close();
 *
 * const zones = ['./data/zone-1', './data/zone-3'];
 * const report = await rescue(zones, './saved', { rootKey: { file: './data.rootkey' } });
 * console.log(`${report.objects} objects, ${report.damaged.length} of them damaged`);
 * ```
 */
export async function rescue(
  zones: readonly (string | URL)[],
  out: string | URL,
  options: RescueToOptions,
): Promise<RescueReport> {
  const folder = resolve(out instanceof URL ? fileURLToPath(out) : out);
  await makeEmptyFolder(folder);
  const store = await rescueStore(zones, options);
  const objects = store.objects();
  const total = objects.reduce((sum, { size }) => sum + size, 0);
  const damaged: Extracted[] = [];
  let done = 0;
  const onBytes = (bytes: number): void => {
    done += bytes;
    options.onBytes?.(done, total);
  };
  const manifest = await open(join(folder, 'manifest.jsonl'), 'wx');
  try {
    for (const object of objects) {
      const line = await extract(object, folder, { signal: options.signal, onBytes });
      await manifest.appendFile(`${JSON.stringify(line)}\n`);
      if (line.lost !== undefined || line.unproved) damaged.push(line);
    }
    await manifest.sync();
  } finally {
    await manifest.close();
  }
  await syncFolders(folder);
  const { findings, losses, buckets } = store;
  const figures = { buckets: buckets.length, objects: objects.length, bytes: total };
  return { ...figures, damaged, findings, losses };
}

/** The names in a folder and in those below it are durable after this. */
async function syncFolders(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // It cannot, and need not.
  const below = await readdir(folder, { recursive: true, withFileTypes: true });
  const folders = below.filter((entry) => entry.isDirectory());
  for (const path of [folder, ...folders.map(({ parentPath, name }) => join(parentPath, name))]) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
