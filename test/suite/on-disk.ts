// Both suites over the embedded engine. Making a store costs more than most tests do, so the store
// suite runs test after test on one store, emptied in between, until one of them closes it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestFn } from 'ava';
import { openEmbedded } from '../../lib/engine/embedded-engine.ts';
import type { StorageEngine } from '../../lib/engine/storage-engine.ts';
import { open, type Store, StoreError } from '../../lib/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { engineSuite } from './engine-suite.ts';
import { storeSuite } from './store-suite.ts';

export function suitesOnDisk(name: string, zones: 1 | 3): void {
  const folders: string[] = [];
  let shared: Store | null = null;

  storeSuite(test.serial as TestFn, name, async (t, options) => {
    if (options === undefined && shared !== null && (await emptied(shared))) return shared;
    const folder = await mkdtemp(join(tmpdir(), 'strongroom-'));
    folders.push(folder);
    const store = await open(join(folder, 'data'), { zones, ...options });
    if (options === undefined) shared = store;
    else t.teardown(() => store.close());
    return store;
  });

  test.after.always(async () => {
    await shared?.close();
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  engineSuite(test.serial as TestFn, name, async (t) => {
    const engine = await openEngine(await temporaryFolder(t), zones);
    t.teardown(() => engine.close());
    return engine;
  });
}

function openEngine(folder: string, zones: number): Promise<StorageEngine> {
  return openEmbedded({
    zones: Array.from({ length: zones }, (_, i) => join(folder, `zone-${i + 1}`)),
    create: true,
    readOnly: false,
    rootKey: new Uint8Array(32).fill(7),
    rootHint: Uint8Array.of(1, 0),
    zoneDeadlineMs: 2000,
    small: zones === 1 ? '1+0' : '1+2',
    large: zones === 1 ? '1+0' : '4+2',
    largeFrom: 256 * 1024,
  });
}

/** False when a test has closed it. */
async function emptied(store: Store): Promise<boolean> {
  try {
    const names: string[] = [];
    for await (const { name } of store.buckets()) names.push(name);
    await Promise.all(names.map((name) => store.bucket(name).delete({ force: true })));
    return true;
  } catch (error) {
    if (StoreError.is(error, 'STORE_CLOSED')) return false;
    throw error;
  }
}
