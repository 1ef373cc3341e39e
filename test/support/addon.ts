// Whether the embedded engine is there to be tested. Its tests are skipped by name while it is not.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext, type TestFn } from 'ava';

const loader = new URL('../../lib/engine/load.ts', import.meta.url);

export const hasAddon: boolean = existsSync(loader);

/** ava's test, one after the other, and only with the addon. */
export const withAddon: TestFn = (hasAddon ? test.serial : test.serial.skip) as TestFn;

/** A folder that goes with the test. */
export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
