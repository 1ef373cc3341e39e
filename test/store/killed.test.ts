// A process that dies at any of its commits, before or after it: what the next one finds is whole,
// absent, or can be gone on with. The engine's own tests cut a commit itself in two; here none is.
import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { MemoryEngine } from '../../lib/engine/memory-engine.ts';
import type { Committed, StorageEngine, Transaction } from '../../lib/engine/storage-engine.ts';
import type { Bucket } from '../../lib/store/bucket.ts';
import type { Store } from '../../lib/store/store.ts';
import { engineWithCommit, storeOver } from '../support/engine-with-commit.ts';

/** An engine as one process has it: from its n-th commit on it does nothing any more. */
function mortal(engine: StorageEngine, dies: { at: number; after: boolean }): StorageEngine {
  let commits = 0;
  const commit = async (transaction: Transaction): Promise<Committed> => {
    commits++;
    if (commits < dies.at) return engine.commit(transaction);
    if (commits === dies.at && dies.after) await engine.commit(transaction);
    throw new Error('killed');
  };
  return engineWithCommit(engine, commit);
}

/** Runs `work` once for each commit that it makes, dying there; then `after` on what is left. */
async function dieAtEvery(
  t: ExecutionContext,
  prepare: (bucket: Bucket) => Promise<void>,
  work: (bucket: Bucket, store: Store) => Promise<unknown>,
  after: (bucket: Bucket, finished: boolean) => Promise<void>,
): Promise<void> {
  for (let at = 1; ; at++) {
    let finished = false;
    for (const done of [false, true]) {
      const engine = new MemoryEngine();
      await prepare(storeOver(engine).bucket('docs'));
      const store = storeOver(mortal(engine, { at, after: done }));
      finished = await work(store.bucket('docs'), store).then(
        () => true,
        () => false,
      );
      await after(storeOver(engine).bucket('docs'), finished);
    }
    if (finished) {
      t.true(at > 1);
      t.log(`died at ${at - 1} commits`);
      return;
    }
  }
}

async function keysOf(bucket: Bucket): Promise<string[]> {
  return (await bucket.list().toArray()).map(({ key }) => key);
}

test('a transaction of 256 changes is there whole or not at all', async (t) => {
  const names = Array.from({ length: 128 }, (_, i) => `key-${i}`);
  await dieAtEvery(
    t,
    async (bucket) => {
      for (const name of names) await bucket.put(`old/${name}`, name);
    },
    (_, store) =>
      store.transaction(async (tx) => {
        const docs = tx.bucket('docs');
        for (const name of names) {
          await docs.put(`new/${name}`, name);
          docs.remove(`old/${name}`);
        }
      }),
    async (bucket) => {
      const keys = await keysOf(bucket);
      t.is(keys.length, names.length);
      t.is(new Set(keys.map((key) => key.slice(0, 4))).size, 1, 'old or new, never both');
    },
  );
});

test('a removal of 1,000 keys is gone on with', async (t) => {
  const names = Array.from({ length: 1000 }, (_, i) => `key-${i}`);
  await dieAtEvery(
    t,
    async (bucket) => {
      await Promise.all(names.map((name) => bucket.put(name, name)));
      await bucket.put('other', 'stays');
    },
    async (bucket) => {
      const { errors } = await bucket.remove(names);
      if (errors.length > 0) throw errors[0]?.error;
    },
    async (bucket) => {
      for await (const { key } of bucket.list())
        t.is(await (await bucket.get(key))?.text(), key === 'other' ? 'stays' : key);
      await bucket.remove(names);
      t.deepEqual(await keysOf(bucket), ['other']);
    },
  );
});

test('an upload is complete, or can be gone on with and ended', async (t) => {
  const numbers = [1, 2, 3, 77, 500, 9_999, 10_000];
  const bodies = new Map(numbers.map((number) => [number, randomBytes(100 * 1024)]));
  const chosen = numbers.filter((number) => number % 2 === 1);
  const whole = Buffer.concat(chosen.map((number) => bodies.get(number) as Buffer));
  const fill = async (bucket: Bucket, uploadId: string) => {
    const upload = bucket.resumeUpload('film', uploadId);
    const parts = [];
    for (const [number, bytes] of bodies) parts.push(await upload.part(number, bytes));
    return upload.complete(parts.filter(({ partNumber }) => chosen.includes(partNumber)));
  };
  await dieAtEvery(
    t,
    async (bucket) => {
      await bucket.put('film', 'before');
    },
    async (bucket) => fill(bucket, (await bucket.upload('film')).uploadId),
    async (bucket, finished) => {
      const read = async () => Buffer.from((await (await bucket.get('film'))?.bytes()) ?? []);
      const uploads = [];
      for await (const { uploadId } of bucket.uploads()) uploads.push(uploadId);
      const isWhole = whole.equals(await read());
      if (!isWhole) t.is((await read()).toString(), 'before');
      if (finished) t.true(isWhole);
      if (isWhole) t.deepEqual(uploads, []);
      for (const uploadId of uploads) await fill(bucket, uploadId);
      if (uploads.length > 0) t.true(whole.equals(await read()));
      await bucket.remove('film');
      await bucket.delete();
    },
  );
});
