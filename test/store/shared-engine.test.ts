// Two stores over one engine, as two workers have them: neither sees what the other does to
// buckets, and both must be right all the same.
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { decodeBucketRow, encodeBucketRow } from '../../lib/context/bucket-row.ts';
import { Events } from '../../lib/context/events.ts';
import { StoreContext } from '../../lib/context/store-context.ts';
import { MemoryEngine } from '../../lib/engine/memory-engine.ts';
import { bucketRowKey } from '../../lib/engine/row-key.ts';
import type {
  BlobReader,
  BlobWriter,
  Committed,
  Found,
  GetRequest,
  KeyHandle,
  Transaction,
} from '../../lib/engine/storage-engine.ts';
import { StoreError } from '../../lib/errors.ts';
import type { Listing, StoredObject } from '../../lib/object/types.ts';
import { Store } from '../../lib/store/store.ts';
import { found, rejection } from '../suite/support.ts';

/** Counts the bytes of each write and the writers without an end, and lets a test step in. */
class CountingEngine extends MemoryEngine {
  readonly writes: number[] = [];
  readonly unended = new Set<BlobWriter>();
  started = 0;
  openReaders = 0;
  onFinish: () => Promise<unknown> = async () => {};
  onWrite: () => void = () => {};
  onGet: () => Promise<unknown> = async () => {};

  override async get(request: GetRequest): Promise<Found | null> {
    const found = await super.get(request);
    await this.onGet();
    return found?.reader === undefined ? found : { ...found, reader: this.#counted(found.reader) };
  }

  #counted(reader: BlobReader): BlobReader {
    this.openReaders++;
    let open = true;
    return {
      read: () => reader.read(),
      close: () => {
        if (open) this.openReaders--;
        open = false;
        reader.close();
      },
    };
  }

  override writeBlob(kek: KeyHandle): BlobWriter {
    const writer = super.writeBlob(kek);
    const { write, finish, dispose } = writer;
    this.unended.add(writer);
    this.started++;
    writer.dispose = () => {
      this.unended.delete(writer);
      return dispose.call(writer);
    };
    writer.write = (bytes) => {
      this.writes.push(bytes.length);
      const writing = write.call(writer, bytes);
      this.onWrite();
      return writing;
    };
    writer.finish = async () => {
      const info = await finish.call(writer);
      await this.onFinish();
      return info;
    };
    return writer;
  }
}

/** ES2024, which Node 20 has and the library's target has not. */
const Resizable = ArrayBuffer as unknown as new (
  size: number,
  options: { maxByteLength: number },
) => ArrayBuffer & { resize(size: number): void };

function contextOver(engine: MemoryEngine, autoCreateBuckets = true): StoreContext {
  const options = { autoCreateBuckets, now: Date.now };
  return new StoreContext(engine, new Events('shared', undefined), options);
}
function storeOver(engine: MemoryEngine, autoCreateBuckets = true): Store {
  return new Store('shared', contextOver(engine, autoCreateBuckets));
}

async function keysOf(listing: Listing<StoredObject>): Promise<string[]> {
  return (await listing.toArray()).map(({ key }) => key);
}

/** Changes the bucket's row and nothing in it, as a new policy would. */
async function touch(engine: MemoryEngine, name: string): Promise<void> {
  const row = await engine.get({ key: bucketRowKey(name) });
  if (row === null) throw new Error('no bucket');
  const body = encodeBucketRow(decodeBucketRow(row.row.body));
  await engine.commit({ effects: [{ key: bucketRowKey(name), modified: 1, body }] });
}

test('a bucket that another store made, changed or made again', async (t) => {
  const engine = new MemoryEngine();
  const [mine, other] = [storeOver(engine), storeOver(engine)];
  const [docs, theirs] = [mine.bucket('docs'), other.bucket('docs')];
  await docs.put('key', 'mine');
  t.is(await (await found(theirs.get('key'))).text(), 'mine');

  await touch(engine, 'docs');
  t.is(await (await found(docs.get('key'))).text(), 'mine');
  await touch(engine, 'docs');
  await docs.put('key', 'again');
  await touch(engine, 'docs');
  t.true(await docs.has('key'));
  await touch(engine, 'docs');
  t.is((await docs.list().toArray()).length, 1);
  await touch(engine, 'docs');
  await docs.put('other', 'text', { onlyIf: { absent: true } });
  await touch(engine, 'docs');
  await docs.remove(['other', 'key']);

  await theirs.delete();
  await other.createBucket('docs');
  t.is(await docs.get('key'), null);
  await theirs.put('key', 'theirs');
  t.deepEqual(await keysOf(docs.list()), ['key']);
  t.is(await (await found(docs.get('key'))).text(), 'theirs');
  await theirs.delete({ force: true });
  await rejection(t, docs.get('key'), 'NoSuchBucket');
  await docs.put('key', 'made anew');
  t.is(await (await found(theirs.get('key'))).text(), 'made anew');
  await theirs.delete({ force: true });
  await docs.put('key', new Uint8Array(300_000));
  t.is((await theirs.list().toArray()).length, 1);
});

test('a first append goes on when only its bucket has changed', async (t) => {
  const engine = new MemoryEngine();
  const docs = storeOver(engine).bucket('docs');
  await docs.put('other', 'text');
  for (const size of [5, 300_000]) {
    const bytes = Buffer.alloc(size, 7);
    const body = (async function* () {
      yield bytes;
      await touch(engine, 'docs');
    })();
    t.is((await docs.append(`log-${size}`, body)).size, size);
    await docs.append(`log-${size}`, 'more');
    t.is((await found(docs.head(`log-${size}`))).size, size + 4);
  }
});

test('a copy in a transaction is of what stands when it is committed', async (t) => {
  let before: (() => Promise<unknown>) | null = null;
  class StepEngine extends MemoryEngine {
    override async commit(transaction: Transaction): Promise<Committed> {
      const step = before;
      before = null;
      // The row key of a plain put is good during the call only.
      if (step !== null) await step();
      return super.commit(transaction);
    }
  }
  const engine = new StepEngine();
  const [mine, other] = [storeOver(engine), storeOver(engine)];
  const theirs = other.bucket('docs');
  const steps: [() => Promise<unknown>, string | undefined][] = [
    [() => theirs.put('a', 'second'), 'second'],
    [() => touch(engine, 'docs'), 'first'],
    [() => theirs.remove('a'), undefined],
  ];
  for (const [step, text] of steps) {
    await theirs.put('a', 'first');
    await theirs.remove('b');
    const copied = mine.transaction((tx) => {
      before = step;
      tx.bucket('docs').copy('a', 'b');
    });
    if (text === undefined) await rejection(t, copied, 'NoSuchKey');
    else await copied;
    t.is(await (await theirs.get('b'))?.text(), text);
  }
});

test('an append to what was replaced meanwhile says only which object', async (t) => {
  const engine = new MemoryEngine();
  const [docs, theirs] = [storeOver(engine).bucket('docs'), storeOver(engine).bucket('docs')];
  await docs.put('other', 'text');
  const body = (async function* () {
    yield 'mine';
    await theirs.append('log', 'theirs');
  })();
  const { signal } = new AbortController();
  const error = await rejection(t, docs.append('log', body, { signal }), 'PreconditionFailed');
  t.like(error, { bucket: 'docs', key: 'log' });
  t.false('signal' in error || 'header' in error);
  t.is(await (await found(docs.get('log'))).text(), 'theirs');
});

test('a cursor of a bucket that another store has made anew', async (t) => {
  const engine = new MemoryEngine();
  const [docs, theirs] = [storeOver(engine).bucket('docs'), storeOver(engine).bucket('docs')];
  await docs.put('old', 'text');
  await theirs.delete({ force: true });
  for (const key of ['a', 'b', 'c']) await theirs.put(key, 'text');
  for await (const { cursor } of theirs.list({ limit: 1 }).pages())
    t.deepEqual(await keysOf(docs.list({ cursor })), ['b', 'c']);
});

test('a bucket that is gone, in a store that makes none', async (t) => {
  const engine = new MemoryEngine();
  const [mine, other] = [storeOver(engine, false), storeOver(engine)];
  const docs = await mine.createBucket('docs');
  await other.bucket('docs').delete();
  await rejection(t, docs.put('key', 'text'), 'NoSuchBucket');
  await rejection(t, docs.put('key', new Uint8Array(300_000)), 'NoSuchBucket');
  await rejection(t, docs.remove('key'), 'NoSuchBucket');
  await rejection(t, docs.list().toArray(), 'NoSuchBucket');
  await rejection(t, docs.delete(), 'NoSuchBucket');
  t.false(await docs.exists());
});

test('a bucket that changes during an upload costs no second upload', async (t) => {
  const engine = new CountingEngine();
  const docs = storeOver(engine).bucket('docs');
  const bytes = randomBytes(3 << 20);
  for (const onlyIf of [undefined, { absent: true } as const]) {
    engine.writes.length = 0;
    await docs.put('before', 'text');
    engine.onFinish = () => touch(engine, 'docs');
    await docs.put(`key ${onlyIf?.absent}`, bytes, { onlyIf });
    t.is(
      engine.writes.reduce((sum, size) => sum + size, 0),
      bytes.length,
    );
    t.true(bytes.equals(await (await found(docs.get(`key ${onlyIf?.absent}`))).bytes()));
  }
});

test('a piece that shrinks between two writes leaves nothing', async (t) => {
  const engine = new CountingEngine();
  const docs = storeOver(engine).bucket('docs');
  const buffer = new Resizable(4 << 20, { maxByteLength: 4 << 20 });
  for (const size of [undefined, 4 << 20]) {
    buffer.resize(4 << 20);
    engine.onWrite = () => buffer.resize((3 << 20) + 5);
    const put = docs.put('key', [new Uint8Array(buffer)], { size });
    await rejection(t, put, 'IncompleteBody');
    t.false(await docs.has('key'));
  }
  engine.onWrite = () => {};
  await docs.put('key', [new Uint8Array(buffer)]);
  t.is((await found(docs.head('key'))).size, (3 << 20) + 5);
  t.is(engine.unended.size, 0);
});

test('a bucket that goes during an upload takes the upload with it', async (t) => {
  const engine = new CountingEngine();
  const [mine, other] = [storeOver(engine), storeOver(engine)];
  for (const again of [false, true]) {
    engine.onFinish = async () => {
      await other.bucket('docs').delete();
      if (again) await other.createBucket('docs');
    };
    const put = mine.bucket('docs').put('key', new Uint8Array(300_000));
    await rejection(t, put, 'NoSuchBucket');
    t.is(await other.bucket('docs').exists(), again);
    if (again) t.deepEqual(await other.bucket('docs').list().toArray(), []);
  }
});

test('an object that appears during an upload makes its condition fail', async (t) => {
  const engine = new CountingEngine();
  const [docs, theirs] = [storeOver(engine).bucket('docs'), storeOver(engine).bucket('docs')];
  engine.onFinish = () => theirs.put('key', 'first');
  const put = docs.put('key', new Uint8Array(300_000), { onlyIf: { absent: true } });
  await rejection(t, put, 'FileAlreadyExists');
  t.is(await (await found(docs.get('key'))).text(), 'first');
});

test('small pieces are gathered, large ones pass through', async (t) => {
  const engine = new CountingEngine();
  const docs = storeOver(engine).bucket('docs');
  const pieces = (count: number, size: number) =>
    Array.from({ length: count }, () => new Uint8Array(size));
  const cases: [Uint8Array[], number[]][] = [
    [pieces(4, 65_536), []],
    [pieces(40, 65_536), [1 << 20, 1 << 20, 8 * 65_536]],
    [pieces(1, 5 << 19), [1 << 20, 1 << 20, 1 << 19]],
    [pieces(3, 300_000), [300_000, 300_000, 300_000]],
    [
      [...pieces(3, 10), ...pieces(2, 400_000), ...pieces(2, 10)],
      [30, 400_000, 400_000, 20],
    ],
    [pieces(300_000, 1), [300_000]],
  ];
  for (const [body, writes] of cases) {
    engine.writes.length = 0;
    await docs.put('key', body);
    t.deepEqual(engine.writes, writes);
  }
});

test('a signal that fires while the bucket is looked for stops an upload', async (t) => {
  const engine = new CountingEngine();
  const docs = await storeOver(engine).createBucket('docs');
  const controller = new AbortController();
  engine.onGet = async () => controller.abort();
  async function* stalled(): AsyncGenerator<Uint8Array> {
    yield await new Promise<never>(() => {});
  }
  const put = docs.put('key', stalled(), { signal: controller.signal });
  await rejection(t, put, 'ABORTED');
  t.is(engine.started, 0);
});

test('every upload that fails disposes of its writer', async (t) => {
  const engine = new CountingEngine();
  const [docs, theirs] = [storeOver(engine).bucket('docs'), storeOver(engine).bucket('docs')];
  const bytes = new Uint8Array(3 << 20);
  const controller = new AbortController();
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield bytes;
    throw new Error('boom');
  }
  async function* aborting(): AsyncGenerator<Uint8Array> {
    yield bytes;
    controller.abort();
    await new Promise(() => {});
  }
  const fail = async (): Promise<never> => {
    throw new StoreError('STORE_FULL');
  };
  await docs.put('key', 'before');
  await rejection(t, docs.put('key', broken()), 'IncompleteBody');
  await rejection(t, docs.put('key', aborting(), { signal: controller.signal }), 'ABORTED');
  await rejection(t, docs.put('key', [bytes], { size: 4 << 20 }), 'IncompleteBody');
  await rejection(t, docs.put('key', [bytes], { size: 2 << 20 }), 'IncompleteBody');
  engine.onFinish = fail;
  await rejection(t, docs.put('key', bytes), 'STORE_FULL');
  engine.onFinish = () => theirs.put('new', 'first');
  await rejection(t, docs.put('new', bytes, { onlyIf: { absent: true } }), 'FileAlreadyExists');
  engine.onFinish = () => theirs.delete({ force: true });
  await rejection(t, docs.put('key', bytes), 'NoSuchBucket');
  engine.onFinish = async () => {};
  await docs.put('key', bytes);
  t.is(engine.started, 7);
  t.is(engine.unended.size, 0);
});

test('a suffix is taken of the object that is served', async (t) => {
  const engine = new CountingEngine();
  const docs = storeOver(engine).bucket('docs');
  for (const [before, after, expected] of [
    ['a long body', 'short', 'hort'],
    ['short', 'a long body', 'body'],
    ['a body', 'xyz', 'xyz'],
  ] as const) {
    await docs.put('key', before);
    engine.onGet = async () => {
      engine.onGet = async () => {};
      await docs.put('key', after);
    };
    t.is(await (await found(docs.get('key', { range: { suffix: 4 } }))).text(), expected);
  }
});

test('every body that is left early lets go of its blob', async (t) => {
  const engine = new CountingEngine();
  const store = storeOver(engine);
  const docs = store.bucket('docs');
  const { etag } = await docs.put('key', new Uint8Array(3 << 20));
  const controller = new AbortController();
  const { signal } = controller;
  const open = (options = {}) => found(docs.get('key', options));
  const leave: Record<string, () => Promise<unknown>> = {
    'a loop that breaks': async () => {
      for await (const _ of await open()) break;
    },
    'a cancelled stream': async () => (await open()).stream().cancel(),
    'a stream cancelled midway': async () => {
      const reader = (await open()).stream().getReader();
      await reader.read();
      await reader.cancel();
    },
    'a destroyed readable': async () => {
      const readable = (await open()).readable();
      readable.once('data', () => readable.destroy());
      await new Promise((resolve) => readable.once('close', resolve));
    },
    disposal: async () => (await open())[Symbol.asyncDispose](),
    'a response without a body': async () => (await open()).toResponse({ status: 204 }),
    'a body read to its end': async () => (await open()).bytes(),
    'a condition': () => docs.get('key', { onlyIf: { notEtag: etag } }).catch(() => {}),
    'a range behind the end': () => docs.get('key', { range: { offset: 9e9 } }).catch(() => {}),
    'a signal that fires meanwhile': async () => {
      engine.onGet = async () => controller.abort();
      await docs.get('key', { signal }).catch(() => {});
      engine.onGet = async () => {};
    },
    'a signal that fires later': async () => {
      const later = new AbortController();
      await open({ signal: later.signal });
      later.abort();
    },
  };
  for (const [about, way] of Object.entries(leave)) {
    await way();
    t.is(engine.openReaders, 0, about);
  }
  await open();
  t.is(engine.openReaders, 1);
  await store.close();
  t.is(engine.openReaders, 0);
});

test('a store holds on to no small body whose stream is made and dropped', async (t) => {
  const context = contextOver(new MemoryEngine());
  const docs = new Store('shared', context).bucket('docs');
  await docs.put('small', new Uint8Array(1000));
  await docs.put('large', new Uint8Array(3 << 20));
  (await found(docs.get('small'))).stream();
  (await found(docs.get('small'))).readable();
  (await found(docs.get('small'))).toResponse();
  t.is(context.interruptible.size, 0);
  const large = await found(docs.get('large'));
  t.is(context.interruptible.size, 1);
  await large[Symbol.asyncDispose]();
  t.is(context.interruptible.size, 0);
});
