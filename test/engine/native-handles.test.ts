// What the addon makes of objects that are not what they seem, or not of this store.
import test from 'ava';
import type { NativeBlob, NativeEngine, NativeWriter } from '../../lib/engine/addon.ts';
import { bytes, openNative } from '../binding/native-engine.ts';

type Keys = Parameters<NativeEngine['commit']>[9];
const commit = (engine: NativeEngine, blobs: readonly unknown[], keys: Keys = [null, null]) =>
  engine.commit(
    [],
    [],
    [],
    [],
    [],
    blobs.map((_, i) => bytes(`row ${i}`)),
    blobs.map(() => 0),
    blobs.map(() => new Uint8Array(1)),
    blobs as readonly NativeBlob[],
    keys,
    null,
    null,
  );

async function finished(engine: NativeEngine): Promise<NativeWriter> {
  const writer = engine.writeBlob(engine.createKey(bytes('test')).kek, 0, 0);
  await writer.offer([new Uint8Array(1000)], true);
  await writer.finish();
  return writer;
}

// The story: an engine with the prototype of a writer was read as one, and the process died.
test('an object under the prototype of another class is not taken for it', async (t) => {
  const engine = await openNative(t);
  const writer = await finished(engine);
  const disguised = await openNative(t);
  Object.setPrototypeOf(disguised, Object.getPrototypeOf(writer));
  for (const blob of [disguised, Object.create(Object.getPrototypeOf(writer)), {}, 1]) {
    t.throws(() => commit(engine, [blob]), { instanceOf: TypeError });
  }
  Object.setPrototypeOf(disguised, Object.getPrototypeOf(engine));
  // The tag is the truth in the other direction, too.
  Object.setPrototypeOf(writer, {});
  await t.notThrowsAsync(commit(engine, [writer]));
});

test('what one store made is refused by another', async (t) => {
  const [engine, other] = [await openNative(t), await openNative(t)];
  const { kek } = other.createKey(bytes('test'));
  const { key } = other.createParts();
  await commit(other, [bytes('small')], [kek]);
  const found = (await other.get(bytes('row 0'), null, 0, kek, 0, 0, true)) as [Buffer, never];
  const foreign = { instanceOf: TypeError, message: /another store/ };
  const writer = await finished(other);
  t.throws(() => commit(engine, [writer]), foreign);
  t.throws(() => commit(engine, [bytes('small')], [kek]), foreign);
  t.throws(() => commit(engine, [bytes('part')], [key]), foreign);
  const own = engine.createKey(bytes('test')).kek;
  t.throws(() => commit(engine, [found[1]], [own]), foreign);
  t.throws(() => commit(engine, [[key, 0, 0n, true]], [own]), foreign);
  t.throws(() => engine.writeBlob(kek, 0, 0), foreign);
  t.throws(() => engine.writeBlob(key, 0, 0), foreign);
  t.throws(() => engine.get(bytes('row 0'), null, 0, kek, 0, 0, false), foreign);
  // The refusals took nothing: where it belongs it still serves.
  await t.notThrowsAsync(commit(other, [writer]));
});

test('a writer belongs to one commit, and its abort leaves the blob to it', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const writer = engine.writeBlob(kek, 0, 0);
  await writer.offer([new Uint8Array(1000)], true);
  t.throws(() => commit(engine, [writer]), { message: /not finished/ });
  await writer.finish();
  t.throws(() => commit(engine, [writer, writer]), { message: /has the blob/ });
  const refused = engine.commit(
    [bytes('row 0')],
    [99],
    [],
    [],
    [],
    [bytes('row 0')],
    [0],
    [new Uint8Array(1)],
    [writer],
    [null],
    null,
    null,
  );
  await t.throwsAsync(refused, { code: 'PreconditionFailed' });
  // It certainly failed, so the writer is free for another, and from its call on for no third.
  const taken = commit(engine, [writer]);
  t.throws(() => commit(engine, [writer]), { message: /has the blob/ });
  await taken;
  t.throws(() => commit(engine, [writer]), { message: /has the blob/ });
  await writer.abort();
  const [, found] = (await engine.get(bytes('row 0'), null, 0, kek, 0, 1000, false)) as [
    Buffer,
    never,
  ];
  const reader = engine.openReader(found, 0, 1000);
  t.is((await reader.read())?.length, 1000);
  reader.close();
});
