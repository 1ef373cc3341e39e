// The addon under arguments that no honest program makes: every call ends in a typed error or in
// a right answer, and the engine serves on. What may end a process: abuse-process.test.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import type { NativeEngine, NativeFound, NativeKey } from '../../lib/engine/addon.ts';
import { addon, bytes, commitOf, detach, openNative, optionsFor } from './native-engine.ts';

type Anything = (...args: unknown[]) => unknown;
const wrong = (value: unknown): never => value as never;

/** The engine still does what it is for. */
async function serves(t: ExecutionContext, engine: NativeEngine): Promise<void> {
  const { kek } = engine.createKey(bytes('serves'));
  await engine.commitOne(bytes('s'), null, 0, 1, new Uint8Array(1), bytes('body'), kek, false);
  t.truthy(await engine.get(bytes('s'), null, 0, kek, 0, 4, false));
}

/** A large blob that is found, ready to be read. */
async function foundLarge(
  engine: NativeEngine,
  kek: NativeKey,
  size: number,
): Promise<NativeFound> {
  const writer = engine.writeBlob(kek, size, 0);
  await writer.offer([new Uint8Array(size).fill(5)], true);
  await writer.finish();
  await engine.commit(
    [],
    [],
    [],
    [],
    [],
    [bytes('l')],
    [0],
    [new Uint8Array(1)],
    [writer],
    [kek],
    null,
    null,
  );
  const [, found] = (await engine.get(bytes('l'), null, 0, kek, 0, size, false)) as [
    Buffer,
    NativeFound,
  ];
  return found;
}

test('a detached key is an empty one', async (t) => {
  const engine = await openNative(t);
  const key = bytes('key');
  detach(key);
  t.is(key.length, 0);
  await t.throwsAsync(commitOf(engine, [key]), { code: 'InvalidArgument' });
  t.is(await engine.get(key, null, 0, null, 0, 0, false), null);
  await serves(t, engine);
});

test('a view that its resizable buffer no longer holds is an empty one', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const buffer = new (
    ArrayBuffer as unknown as new (
      size: number,
      options: object,
    ) => ArrayBuffer & {
      resize(size: number): void;
    }
  )(64, { maxByteLength: 128 });
  const fixed = new Uint8Array(buffer, 32, 32);
  const tracking = new Uint8Array(buffer);
  buffer.resize(16);
  t.is(fixed.length, 0);
  await t.throwsAsync(commitOf(engine, [fixed]), { code: 'InvalidArgument' });
  await engine.commitOne(bytes('a'), null, 0, 1, new Uint8Array(1), tracking, kek, false);
  buffer.resize(128);
  await engine.commitOne(bytes('b'), null, 0, 1, new Uint8Array(1), tracking, kek, false);
  buffer.resize(0);
  await engine.commitOne(bytes('c'), null, 0, 1, tracking, tracking, kek, false);
  for (const [key, size] of [
    ['a', 16],
    ['b', 128],
    ['c', 0],
  ] as const) {
    const row = (await engine.get(bytes(key), null, 0, kek, 0, size, false)) as Buffer;
    t.is(row.readDoubleLE(16), size);
  }
});

test('keys and bodies in shared memory are taken as they are', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  shared.fill(65);
  const stored = engine.commitOne(shared, null, 0, 1, shared, shared, kek, false);
  shared.fill(66);
  await stored;
  const row = (await engine.get(bytes('AAAAAAAA'), null, 0, kek, 0, 8, false)) as Buffer;
  t.is(row.subarray(row.readUInt32LE(44)).toString(), 'AAAAAAAA');
});

test('what is no array of bytes is refused by its type', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const strangers = [
    undefined,
    null,
    1,
    1n,
    'key',
    Symbol('key'),
    {},
    [],
    new ArrayBuffer(4),
    new SharedArrayBuffer(4),
    new DataView(new ArrayBuffer(4)),
    new Int8Array(4),
    new Uint8ClampedArray(4),
    new Float64Array(4),
    new Proxy(new Uint8Array(4), {}),
    Object.create(Uint8Array.prototype),
    () => {},
  ];
  for (const stranger of strangers) {
    const refused = { instanceOf: TypeError };
    t.throws(() => engine.get(wrong(stranger), null, 0, null, 0, 0, false), refused);
    t.throws(() => engine.createKey(wrong(stranger)), refused);
    t.throws(() => commitOf(engine, [wrong(stranger)]), refused);
    t.throws(
      () => engine.commitOne(bytes('k'), null, 0, 1, wrong(stranger), bytes('b'), kek, false),
      refused,
    );
    t.throws(() => engine.awaitChange(wrong(stranger)), refused);
    if (!Array.isArray(stranger))
      t.throws(() => engine.writeBlob(kek, 0, 0).offer(wrong(stranger), true));
  }
  await serves(t, engine);
});

test('what is no array is refused where one is expected', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const key = [bytes('key')];
  const strangers = [undefined, null, 1, 'ab', {}, { length: 1 }, new Set(), () => {}];
  for (const stranger of strangers)
    for (let at = 0; at < 10; at++) {
      const blobs = [bytes('blob')];
      const row = [new Uint8Array(1)];
      const args: unknown[] = [key, [0], key, [bytes('l')], [0], key, [0], row, blobs, [kek], null];
      args[at] = stranger;
      t.throws(() => (engine.commit as Anything)(...args), undefined, `${String(stranger)} ${at}`);
    }
  await serves(t, engine);
});

test('an array that claims four thousand million elements costs nothing', async (t) => {
  const engine = await openNative(t);
  const endless = new Array(2 ** 32 - 1);
  t.throws(() => commitOf(engine, wrong(endless)), { instanceOf: TypeError });
  const writer = engine.writeBlob(engine.createKey(bytes('test')).kek, 0, 0);
  t.throws(() => writer.offer(wrong(endless), true), { instanceOf: TypeError });
  t.throws(() => addon.open({ ...optionsFor('/nowhere'), zones: endless }, () => {}), {
    instanceOf: TypeError,
  });
  await serves(t, engine);
});

test('numbers that count nothing are refused', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const numbers = [Number.NaN, -1, 1.5, 2 ** 53, Number.POSITIVE_INFINITY, '1', 1n, null, {}];
  for (const number of numbers) {
    const refused = { instanceOf: RangeError };
    const key = bytes('k');
    t.throws(() => engine.get(key, null, 0, kek, wrong(number), 0, false), refused);
    t.throws(() => engine.get(key, null, 0, kek, 0, wrong(number), false), refused);
    t.throws(() => engine.get(key, key, wrong(number), kek, 0, 0, false), refused);
    t.throws(() => engine.writeBlob(kek, wrong(number), 0), refused);
    t.throws(() => engine.digest(wrong(number), key), refused);
    t.throws(() => commitOf(engine, [key], { modified: [wrong(number)] }), refused);
    t.throws(
      () => engine.scan(null, 0, key, key, false, wrong(number), null, 0, 0, 0, false),
      refused,
    );
  }
  t.is(await engine.get(bytes('k'), null, -0, kek, -0, -0, false), null);
  await serves(t, engine);
});

test('what is no place of a version is refused', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const commit = (key: Uint8Array, place: unknown, body: Uint8Array | null = bytes('b')) =>
    engine.commit([], [], [], [], [], [key], [0], [body], [null], [null], null, [wrong(place)]);
  for (const place of [0, 3, 1.5, -1, Number.NaN, 2 ** 53])
    t.throws(() => commit(bytes('k'), place), { instanceOf: RangeError });
  for (const place of ['1', {}, [], true, 1n, new Uint16Array(8)])
    t.throws(() => commit(bytes('k'), place), { instanceOf: TypeError });
  const ended = Uint8Array.of(0, ...new Array(8).fill(0xff));
  const standing = Buffer.concat([bytes('oa'), ended]);
  const kept = Buffer.concat([bytes('va'), ended]);
  for (const [key, place] of [
    [bytes('k'), 1],
    [kept, 1],
    [standing, 2],
    [bytes('v'), 2],
    [new Uint8Array(2000), 1],
    [standing, standing],
    [standing, new Uint8Array()],
    [standing, new Uint8Array(2000)],
    [Buffer.concat([bytes('ob'), ended]), kept],
  ] as const)
    await t.throwsAsync(commit(key, place), { code: 'InvalidArgument' });
  await t.throwsAsync(commit(standing, kept), { code: 'PreconditionFailed' });
  const few = engine.commit.bind(engine, [], [], [], [], [], [standing], [0], [bytes('b')]);
  t.throws(() => few([null], [null], null, []), { instanceOf: TypeError });
  await engine.commitOne(standing, null, 0, 1, bytes('m'), bytes('b'), kek, wrong({}));
  await serves(t, engine);
});

test('the largest number is a number like any other', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const most = Number.MAX_SAFE_INTEGER;
  await engine.commitOne(bytes('k'), null, 0, most, new Uint8Array(1), bytes('b'), kek, false);
  for (const [offset, length] of [
    [most, most],
    [0, most],
    [most, 0],
  ] as const) {
    const got = await engine.get(bytes('k'), null, 0, kek, offset, length, false).catch((e) => e);
    t.true(got instanceof Error ? 'code' in got : got instanceof Uint8Array);
  }
  await engine.scan(
    null,
    0,
    bytes('a'),
    bytes('z'),
    false,
    most,
    bytes('/'),
    most,
    most,
    most,
    false,
  );
  const found = await foundLarge(engine, kek, 300_000);
  const reader = engine.openReader(found, most, most);
  await t.throwsAsync(reader.read());
  reader.close();
  await serves(t, engine);
});

test('methods are for the objects that they belong to', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const writer = engine.writeBlob(kek, 0, 0);
  const reader = engine.openReader(await foundLarge(engine, kek, 300_000), 0, 300_000);
  const prototypes = [engine, writer, reader].map((each) => Object.getPrototypeOf(each));
  for (const prototype of prototypes)
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (name === 'constructor') continue;
      const method = prototype[name] as Anything;
      const strangers = [
        undefined,
        null,
        {},
        prototype,
        kek,
        Object.create(prototype),
        new Proxy(engine, {}),
      ];
      for (const stranger of [...strangers, engine, writer, reader]) {
        if (stranger && prototypes.includes(Object.getPrototypeOf(stranger)) && name in stranger)
          continue;
        t.throws(() => method.call(stranger, bytes('x')), undefined, name);
      }
    }
  reader.close();
  await serves(t, engine);
});

test('nobody else makes engines, writers or readers', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const reader = engine.openReader(await foundLarge(engine, kek, 300_000), 0, 300_000);
  for (const each of [engine, engine.writeBlob(kek, 0, 0), reader]) {
    const make = each.constructor as unknown as new (...args: unknown[]) => unknown;
    for (const args of [[], [{}], [each], [kek], [1n]])
      t.throws(() => new make(...args), { instanceOf: TypeError });
    t.throws(() => (make as unknown as Anything)(kek), { instanceOf: TypeError });
  }
  reader.close();
  await serves(t, engine);
});

test('handles are not to be made or copied', async (t) => {
  const engine = await openNative(t);
  const { kek, wrapped } = engine.createKey(bytes('test'));
  for (const forged of [{}, { ...kek }, Object.create(kek), new Proxy(kek as object, {}), 1, null])
    t.throws(() => engine.writeBlob(wrong(forged), 0, 0), { instanceOf: TypeError });
  // A message carries an object without what makes it one of ours.
  const clone = structuredClone(engine);
  t.throws(() => engine.describe.call(clone), { instanceOf: TypeError });
  t.throws(() => engine.writeBlob(structuredClone(kek), 0, 0), { instanceOf: TypeError });
  // A wrapped key with a bit turned over, cut, or under another context opens nothing.
  for (let at = 0; at < wrapped.length; at += 7) {
    const bad = Uint8Array.from(wrapped);
    bad[at]! ^= 1;
    t.throws(() => engine.openKey(bad, bytes('test')));
    t.throws(() => engine.openKey(bad.subarray(0, at), bytes('test')));
  }
  t.throws(() => engine.openKey(wrapped, bytes('other')));
  t.notThrows(() => engine.openKey(wrapped, bytes('test')));
});

test('proxies and getters are asked once for each element, and may throw', async (t) => {
  const engine = await openNative(t);
  let asked = 0;
  const keys = [bytes('a')];
  Object.defineProperty(keys, 0, {
    get() {
      asked++;
      return bytes('a');
    },
  });
  await commitOf(engine, keys);
  t.is(asked, 1);
  const boom = new Error('boom');
  const throwing: Uint8Array[] = [];
  Object.defineProperty(throwing, 0, {
    get() {
      throw boom;
    },
  });
  throwing.length = 1;
  t.is(
    t.throws(() => commitOf(engine, throwing)),
    boom,
  );
  const { kek } = engine.createKey(bytes('test'));
  t.is(
    t.throws(() => engine.writeBlob(kek, 0, 0).offer(throwing, true)),
    boom,
  );
  t.is(
    t.throws(() => commitOf(engine, [bytes('k')], { bodies: throwing })),
    boom,
  );
  await serves(t, engine);
});

test('an element that closes the engine while its call is read changes nothing', async (t) => {
  const engine = await openNative(t);
  let closing: Promise<void> | undefined;
  const keys = [bytes('a')];
  Object.defineProperty(keys, 0, {
    get() {
      closing ??= engine.close();
      return bytes('a');
    },
  });
  const committed = await commitOf(engine, keys).catch((error) => error);
  t.true(committed instanceof Uint8Array || committed.code === 'STORE_CLOSED');
  await closing;
});

test('bytes of another realm are bytes, and their lies about length are not heard', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const foreign = runInNewContext('new Uint8Array([97, 98])') as Uint8Array;
  class Liar extends Uint8Array {
    override get length(): number {
      return 1e9;
    }
    override get byteLength(): number {
      return 1e9;
    }
  }
  await engine.commitOne(foreign, null, 0, 1, new Liar(3), new Liar(5), kek, false);
  const row = (await engine.get(bytes('ab'), null, 0, kek, 0, 5, false)) as Buffer;
  t.is(row.readDoubleLE(16), 5);
  t.is(row.readUInt32LE(40), 3);
});

test('memory of WebAssembly that grows meanwhile is left behind', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: {
      Memory: new (limits: object) => { buffer: ArrayBuffer; grow(pages: number): void };
    };
  };
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 10 });
  const view = new Uint8Array(memory.buffer, 0, 1000).fill(9);
  const stored = engine.commitOne(bytes('w'), null, 0, 1, new Uint8Array(1), view, kek, false);
  memory.grow(1);
  t.is(view.length, 0);
  await stored;
  await engine.commitOne(bytes('v'), null, 0, 1, new Uint8Array(1), view, kek, false);
  const row = (await engine.get(bytes('w'), null, 0, kek, 0, 1000, false)) as Buffer;
  t.true(row.subarray(row.readUInt32LE(44)).every((byte) => byte === 9));
});

test('what was taken in is not looked at again', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const [key, body, blob] = [bytes('key'), bytes('body'), bytes('blob')];
  const stored = engine.commitOne(key, null, 0, 1, body, blob, kek, false);
  for (const each of [key, body, blob]) each.fill(0);
  for (const each of [key, body, blob]) detach(each);
  await stored;
  const row = (await engine.get(bytes('key'), null, 0, kek, 0, 4, false)) as Buffer;
  t.is(row.subarray(row.readUInt32LE(44)).toString(), 'blob');
  const writer = engine.writeBlob(kek, 0, 0);
  const piece = new Uint8Array(300_000).fill(3);
  const taken = await writer.offer([piece], true);
  if (taken) detach(piece);
  await writer.finish();
  await engine.commit([], [], [], [], [], [bytes('l')], [0], [body], [writer], [kek], null, null);
  const [, found] = (await engine.get(bytes('l'), null, 0, kek, 0, 300_000, false)) as [
    Buffer,
    NativeFound,
  ];
  const reader = engine.openReader(found, 0, 300_000);
  t.true((await reader.read())?.every((byte) => byte === 3));
  reader.close();
});

test('a piece that was given out belongs to whoever has it', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const size = 5 << 20;
  const reader = engine.openReader(await foundLargeOf(engine, kek, size), 0, size);
  let read = 0;
  for (;;) {
    const piece = await reader.read();
    if (piece === null) break;
    t.true(piece.every((byte) => byte === 5));
    read += piece.length;
    piece.fill(0);
    try {
      detach(piece);
    } catch (error) {
      t.is((error as Error).name, 'DataCloneError');
    }
  }
  t.is(read, size);
  reader.close();
});

async function foundLargeOf(
  engine: NativeEngine,
  kek: NativeKey,
  size: number,
): Promise<NativeFound> {
  const writer = engine.writeBlob(kek, size, 0);
  for (let at = 0; at < size; at += writer.pieceMax()) {
    const piece = new Uint8Array(Math.min(writer.pieceMax(), size - at)).fill(5);
    while ((await writer.offer([piece], at + piece.length === size)) !== true);
  }
  await writer.finish();
  await engine.commit(
    [],
    [],
    [],
    [],
    [],
    [bytes('m')],
    [0],
    [new Uint8Array(1)],
    [writer],
    [kek],
    null,
    null,
  );
  const got = await engine.get(bytes('m'), null, 0, kek, 0, size, false);
  return (got as [Buffer, NativeFound])[1];
}

test('a writer is used in any order', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const settled = (work: () => unknown): Promise<unknown> =>
    Promise.resolve()
      .then(work)
      .catch((error) => error);
  const orders = ['f', 'ff', 'of', 'off', 'oof', 'oa', 'oaf', 'ofa', 'aof', 'ofo', 'aaff', 'oo'];
  for (const order of orders) {
    const writer = engine.writeBlob(kek, 0, 0);
    const steps: Record<string, () => unknown> = {
      o: () => writer.offer([new Uint8Array(10)], true),
      f: () => (order.startsWith('f') ? settled(() => writer.finish()) : writer.finish()),
      a: () => writer.abort(),
    };
    const work = Promise.all([...order].map((step) => settled(steps[step]!)));
    // A finish without a last piece waits for it: an abort ends that.
    await Promise.race([work, sleep(300)]);
    await settled(() => writer.abort());
    await work;
  }
  for (const parts of [[], [new Uint8Array()], [new Uint8Array(), new Uint8Array()]]) {
    const writer = engine.writeBlob(kek, 0, 0);
    await writer.offer(parts, true);
    await writer.finish();
    await writer.abort();
  }
  const writer = engine.writeBlob(kek, 0, 0);
  t.throws(() => writer.offer([new Uint8Array(writer.pieceMax() + 1)], true));
  t.throws(() => writer.offer([], false));
  await writer.abort();
  await serves(t, engine);
});

test('a reader is used in any order, and by many at once', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const found = await foundLarge(engine, kek, 900_000);
  const reader = engine.openReader(found, 0, 900_000);
  const pieces = await Promise.allSettled(Array.from({ length: 50 }, () => reader.read()));
  for (const piece of pieces)
    if (piece.status === 'fulfilled') t.true(piece.value?.every((byte) => byte === 5) ?? true);
  reader.close();
  reader.close();
  t.is(await reader.read(), null);
  t.throws(() => engine.openReader(found, 0, 1), { message: /opened before/ });
  engine.release(found);
  engine.release(found);
  t.throws(() => engine.openReader(found, 0, 1));
  await serves(t, engine);
});

test('a reader that is closed while it reads', async (t) => {
  const engine = await openNative(t);
  const { kek } = engine.createKey(bytes('test'));
  const size = 5 << 20;
  for (let i = 0; i < 5; i++) {
    const reader = engine.openReader(await foundLargeAgain(engine, kek, size, i === 0), 0, size);
    const reading = [reader.read(), reader.read()];
    reader.close();
    for (const each of await Promise.allSettled(reading))
      if (each.status === 'fulfilled') t.true(each.value?.every((byte) => byte === 5) ?? true);
  }
  await serves(t, engine);
});

async function foundLargeAgain(
  engine: NativeEngine,
  kek: NativeKey,
  size: number,
  first: boolean,
): Promise<NativeFound> {
  if (first) return foundLargeOf(engine, kek, size);
  const got = await engine.get(bytes('m'), null, 0, kek, 0, size, false);
  return (got as [Buffer, NativeFound])[1];
}

test('a wait is ended by whoever likes, as often as they like', async (t) => {
  const engine = await openNative(t);
  const waits = Array.from({ length: 1000 }, (_, i) => engine.awaitChange(bytes(`w${i % 7}`)));
  for (const [over, stop] of waits.slice(0, 500)) {
    stop();
    stop();
    await over;
  }
  await engine.close();
  for (const [, stop] of waits) stop();
  const ended = await Promise.all(waits.map(([over]) => over));
  t.is(ended.length, waits.length);
});

test('after the close every call says so', async (t) => {
  const engine = await openNative(t);
  const { kek, wrapped } = engine.createKey(bytes('test'));
  const found = await foundLarge(engine, kek, 300_000);
  const reader = engine.openReader(found, 0, 300_000);
  const writer = engine.writeBlob(kek, 0, 0);
  const inFlight = [
    commitOf(engine, [bytes('last')]),
    engine.get(bytes('l'), null, 0, kek, 0, 1, false),
    reader.read(),
  ];
  await Promise.all([engine.close(), engine.close(), engine.close()]);
  await Promise.allSettled(inFlight);
  const calls: (() => unknown)[] = [
    () => engine.get(bytes('l'), null, 0, kek, 0, 1, false),
    () => engine.scan(null, 0, bytes('a'), bytes('z'), false, 10, null, 0, 0, 0, false),
    () => commitOf(engine, [bytes('late')]),
    () => engine.commitOne(bytes('k'), null, 0, 1, bytes('b'), bytes('b'), kek, false),
    () => engine.writeBlob(kek, 0, 0),
    () => writer.offer([new Uint8Array(1)], true),
    () => writer.finish(),
    () => writer.abort(),
    () => reader.read(),
    () => engine.createKey(bytes('late')),
    () => engine.openKey(wrapped, bytes('test')),
    () => engine.createParts(),
    () => engine.digest(1, new Uint8Array(1 << 20)),
    () => engine.digest(1, new Uint8Array(10)),
    () => engine.describe(),
    () => engine.status(),
    () => engine.release(found),
    () => engine.awaitChange(bytes('x'))[1](),
  ];
  for (const call of calls) {
    const ended = await Promise.race([
      Promise.resolve()
        .then(call)
        .catch((error) => error),
      sleep(5000, 'hangs'),
    ]);
    t.not(ended, 'hangs', String(call));
    if (ended instanceof Error) t.true('code' in ended || ended instanceof TypeError, String(call));
  }
});

test('a listener that is no function is refused before anything is opened', (t) => {
  for (const listener of [undefined, null, {}, 'on', 1])
    t.throws(() => addon.open(optionsFor('/nowhere'), wrong(listener)), { instanceOf: Error });
  for (const options of [undefined, null, 1, 'zones', {}, []])
    t.throws(() => addon.open(wrong(options), () => {}), { instanceOf: Error });
});
