// What completing an upload leaves to others: what is uploaded meanwhile, and what nobody wants.
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { MemoryEngine } from '../../lib/engine/memory-engine.ts';
import { partRowKey, successor } from '../../lib/engine/row-key.ts';
import type { Committed, StorageEngine, Transaction } from '../../lib/engine/storage-engine.ts';
import type { Bucket } from '../../lib/store/bucket.ts';
import { engineWithCommit, storeOver } from '../support/engine-with-commit.ts';

const size = 100 * 1024;

function bucketOver(engine: StorageEngine): Bucket {
  return storeOver(engine).bucket('docs');
}

/** An engine that lets somebody else go first, once, when a commit is about to take over parts. */
function interrupted(engine: StorageEngine, first: () => Promise<unknown>): StorageEngine {
  let went = false;
  const commit = async (transaction: Transaction): Promise<Committed> => {
    const isComplete = transaction.effects.some(
      (effect) => 'blob' in effect && effect.blob && 'parts' in effect.blob && !effect.blob.fresh,
    );
    if (isComplete && !went) {
      went = true;
      await first();
    }
    return engine.commit(transaction);
  };
  return engineWithCommit(engine, commit);
}

async function storedParts(engine: StorageEngine): Promise<number> {
  const start = partRowKey(new Uint8Array(16), 0).subarray(0, 1) as ReturnType<typeof partRowKey>;
  return (await engine.scan({ start, end: successor(start), textFrom: 0, limit: 1000 })).count;
}

for (const [what, number] of [
  ['uploaded anew', 2],
  ['added', 3],
] as const)
  test(`a part that is ${what} just before the commit is part of the object`, async (t) => {
    const engine = new MemoryEngine();
    const bodies = new Map([1, 2].map((n) => [n, randomBytes(size)]));
    const upload = await bucketOver(engine).upload('film');
    for (const [n, bytes] of bodies) await upload.part(n, bytes);
    const late = randomBytes(size + 7);
    let times = 0;
    const completing = bucketOver(
      interrupted(engine, async () => {
        times++;
        await upload.part(number, late);
      }),
    );
    const object = await completing.resumeUpload('film', upload.uploadId).complete();
    t.is(times, 1);
    bodies.set(number, late);
    const whole = Buffer.concat([...bodies.values()]);
    t.is(object.size, whole.length);
    const bytes = (await (await bucketOver(engine).get('film'))?.bytes()) ?? [];
    t.true(whole.equals(Buffer.from(bytes)));
  });

test('parts that the object leaves out are not kept with it', async (t) => {
  const engine = new MemoryEngine();
  const bucket = bucketOver(engine);
  const upload = await bucket.upload('film');
  const parts = [];
  for (let number = 1; number <= 600; number++) parts.push(await upload.part(number, `${number}`));
  const big = await upload.part(9_000, randomBytes(size));
  t.is(await storedParts(engine), 601);
  await upload.complete([big]);
  t.is(await storedParts(engine), 1);
});
