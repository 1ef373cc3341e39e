import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type Checkpoint, type OpenOptions, open, openMemory } from '../../lib/index.ts';
import { rejection } from '../suite/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const rootKey = () => new Uint8Array(32).fill(7);

/** As it comes back from wherever the caller keeps it. */
async function checkpointOf(path: string, options: OpenOptions): Promise<Checkpoint> {
  await using store = await open(path, { rootKey: rootKey(), ...options });
  await store.bucket('docs').put('key', 'text');
  return JSON.parse(JSON.stringify(await store.checkpoint()));
}

for (const zones of [1, 3] as const) {
  const on = zones === 1 ? 'one zone' : 'three zones';

  test(`${on}: a store that was set back as a whole is refused`, async (t) => {
    const folder = await temporaryFolder(t);
    const [path, kept] = [join(folder, 'data'), join(folder, 'kept')];
    const before = await checkpointOf(path, { zones });
    await cp(path, kept, { recursive: true });
    const after = await checkpointOf(path, { zones });
    const reopen = async (options: OpenOptions) => {
      const store = await open(path, { rootKey: rootKey(), zones, ...options });
      await store.close();
    };
    await t.notThrowsAsync(reopen({ notBefore: before }));
    await t.notThrowsAsync(reopen({ notBefore: after }));
    await t.notThrowsAsync(reopen({ notBefore: after, readOnly: true }));

    await rm(path, { recursive: true });
    await cp(kept, path, { recursive: true });
    await t.notThrowsAsync(reopen({ notBefore: before, readOnly: true }));
    await rejection(t, reopen({ notBefore: after, readOnly: true }), 'STORE_ROLLED_BACK');
    await rejection(t, reopen({ notBefore: after }), 'STORE_ROLLED_BACK');
    await t.notThrowsAsync(reopen({ notBefore: before })); // The refusal has let go of it.
  });
}

test('a store that attaches demands its checkpoint as well', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  const checkpoint = await checkpointOf(path, {});
  await using store = await open(path, { rootKey: rootKey() });
  const attach = async (notBefore: Checkpoint) => {
    const other = await open(path, { rootKey: rootKey(), notBefore });
    await other.close();
  };
  await t.notThrowsAsync(attach(checkpoint));
  const forged = { ...checkpoint, token: '0'.repeat(32) };
  await rejection(t, attach(forged), 'STORE_ROLLED_BACK');
  t.is(await (await store.bucket('docs').get('key'))?.text(), 'text');
});

test('another store under the same root key is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
  const notBefore = await checkpointOf(ours, {});
  await checkpointOf(theirs, {});
  await rejection(t, open(theirs, { rootKey: rootKey(), notBefore }), 'STORE_ROLLED_BACK');
});

test('where a checkpoint is demanded nothing is created', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  const notBefore = await checkpointOf(path, {});
  await rm(path, { recursive: true });
  await rejection(t, open(path, { rootKey: rootKey(), notBefore }), 'ZONE_UNAVAILABLE');
  const create = true;
  await rejection(t, open(path, { rootKey: rootKey(), notBefore, create }), 'InvalidArgument');
});

test('what is no checkpoint is refused before anything is opened', async (t) => {
  await using store = await openMemory();
  const right = await store.checkpoint();
  const wrong: [unknown, 'TypeError' | 'InvalidArgument'][] = [
    [null, 'TypeError'],
    ['text', 'TypeError'],
    [{}, 'TypeError'],
    [{ ...right, sequence: 7 }, 'TypeError'],
    [{ ...right, sequence: '-1' }, 'InvalidArgument'],
    [{ ...right, sequence: '0' }, 'InvalidArgument'],
    [{ ...right, token: right.token.slice(1) }, 'InvalidArgument'],
    [{ ...right, chainHash: 'text' }, 'InvalidArgument'],
    [{ ...right, storeId: right.storeId.toUpperCase().replace(/[0-9]/g, 'A') }, 'InvalidArgument'],
    [{ ...right, another: 'text' }, 'InvalidArgument'],
  ];
  for (const [notBefore, expected] of wrong) {
    const opening = open('/nowhere', { notBefore: notBefore as Checkpoint });
    const error = await t.throwsAsync(opening, undefined, JSON.stringify(notBefore));
    if (expected === 'TypeError') t.true(error instanceof TypeError, JSON.stringify(notBefore));
    else t.like(error, { code: expected }, JSON.stringify(notBefore));
  }
});

test('a checkpoint is a write, and ends with the store', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  await checkpointOf(path, {});
  await using store = await open(path, { rootKey: rootKey(), readOnly: true });
  await rejection(t, store.checkpoint(), 'STORE_READ_ONLY');
  await store.close();
  await rejection(t, store.checkpoint(), 'STORE_CLOSED');
});
