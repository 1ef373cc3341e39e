// The data store of tus, used through @tus/server itself. The package ships no test utilities, so
// the contract is written here after the protocol (tus 1.0.0) and the comments of its DataStore.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { Server, Upload } from '@tus/server';
import test, { type ExecutionContext } from 'ava';
import { type TusOptions, TusStore } from '../../lib/drivers/tus.ts';
import { type Bucket, openMemory } from '../../lib/index.ts';

interface Opened {
  readonly bucket: Bucket;
  readonly tus: TusStore;
  ask(method: string, path: string, headers?: object, body?: unknown): Promise<Response>;
  /** Keys of the bucket. */
  keys(): Promise<string[]>;
}

async function opened(t: ExecutionContext, options?: Omit<TusOptions, 'bucket'>): Promise<Opened> {
  const store = await openMemory();
  t.teardown(() => store.close());
  const bucket = store.bucket('uploads');
  const tus = new TusStore({ bucket, ...options });
  let uploads = 0;
  const namingFunction = () => `upload-${++uploads}`;
  const server = new Server({ path: '/files', datastore: tus, namingFunction });
  const ask: Opened['ask'] = (method, path, headers = {}, body = null) =>
    server.handleWeb(
      new Request(`http://localhost/files${path}`, {
        method,
        headers: { 'tus-resumable': '1.0.0', ...headers },
        body,
        duplex: 'half',
      } as RequestInit),
    );
  const keys = async () => (await bucket.list().toArray()).map(({ key }) => key);
  return { bucket, tus, ask, keys };
}

const octets = { 'content-type': 'application/offset+octet-stream' };
const patch = (offset: number) => ({ ...octets, 'upload-offset': String(offset) });
const base64 = (text: string) => Buffer.from(text).toString('base64');

async function offsetOf({ ask }: Opened, path = '/upload-1'): Promise<number> {
  const head = await ask('HEAD', path);
  return Number(head.headers.get('upload-offset'));
}

test('an upload in three requests becomes one object', async (t) => {
  const it = await opened(t, { base: 'done/' });
  const { bucket, ask, keys } = it;
  const bytes = randomBytes(400_000);
  const created = await ask('POST', '', {
    'upload-length': String(bytes.length),
    'upload-metadata': `filename ${base64('a.png')},filetype ${base64('image/png')},empty`,
  });
  t.is(created.status, 201);
  t.regex(created.headers.get('location') ?? '', /\/files\/upload-1$/);
  t.is(await offsetOf(it), 0);
  let offset = 0;
  for (const end of [100_000, 100_001, 400_000]) {
    t.is(await bucket.head('done/upload-1'), null);
    const patched = await ask('PATCH', '/upload-1', patch(offset), bytes.subarray(offset, end));
    t.is(patched.status, 204);
    t.is(patched.headers.get('upload-offset'), String(end));
    t.is(await offsetOf(it), end);
    offset = end;
  }
  const object = await bucket.file('done/upload-1').stat();
  t.is(object.contentType, 'image/png');
  t.deepEqual(Buffer.from(await bucket.file('done/upload-1').bytes()), bytes);
  // Of the way it came only the record is left.
  t.deepEqual(await keys(), ['.tus/upload-1/info', 'done/upload-1']);
  const head = await ask('HEAD', '/upload-1');
  t.is(head.headers.get('upload-length'), '400000');
  t.regex(head.headers.get('upload-metadata') ?? '', /filename/);
});

test('all bytes come back whatever the sizes of parts and pieces', async (t) => {
  for (const [size, partSize, piece] of [
    [0, 10, 1],
    [1, 10, 1],
    [10, 10, 3],
    [30, 10, 10],
    [31, 10, 25],
    [1000, 64, 7],
  ] as const) {
    const { bucket, tus } = await opened(t, { partSize });
    const bytes = randomBytes(size);
    await tus.create(new Upload({ id: 'a', size, offset: 0 }));
    const pieces = [];
    for (let at = 0; at < size; at += piece) pieces.push(bytes.subarray(at, at + piece));
    if (size > 0) t.is(await tus.write(Readable.from(pieces), 'a', 0), size);
    t.deepEqual(Buffer.from(await bucket.file('a').bytes()), bytes, `${size} ${partSize} ${piece}`);
    t.is((await tus.getUpload('a')).offset, size);
  }
});

test('what arrived before a line broke is kept, and the upload goes on there', async (t) => {
  const { bucket, tus } = await opened(t, { partSize: 1000 });
  const bytes = randomBytes(5000);
  const boom = new Error('broken line');
  await tus.create(new Upload({ id: 'a', size: 5000, offset: 0 }));
  for (const [from, to] of [
    [0, 1500],
    [1500, 2500],
    [2500, 4500],
  ] as const) {
    const broken = Readable.from(
      (async function* () {
        yield bytes.subarray(from, to - 1);
        yield bytes.subarray(to - 1, to);
        throw boom;
      })(),
    );
    t.is(await t.throwsAsync(tus.write(broken, 'a', from)), boom);
    t.is((await tus.getUpload('a')).offset, to);
    t.false(await bucket.has('a'));
  }
  t.is(await tus.write(Readable.from([bytes.subarray(4500)]), 'a', 4500), 5000);
  t.deepEqual(Buffer.from(await bucket.file('a').bytes()), bytes);
});

test('a wrong offset is refused and changes nothing', async (t) => {
  const it = await opened(t);
  const { tus, ask, keys } = it;
  await ask('POST', '', { 'upload-length': '10' });
  await ask('PATCH', '/upload-1', patch(0), 'abc');
  const before = await keys();
  for (const offset of [0, 2, 4, 99]) {
    t.is((await ask('PATCH', '/upload-1', patch(offset), 'xyz')).status, 409);
    await t.throwsAsync(tus.write(Readable.from(['x']), 'upload-1', offset), { any: true });
  }
  t.deepEqual(await keys(), before);
  t.is(await offsetOf(it), 3);
  const tooLong = await ask('PATCH', '/upload-1', patch(3), 'far too long a body');
  t.true(tooLong.status >= 400);
});

test('of writers at one offset one wins, and the object is its own', async (t) => {
  const { bucket, tus, keys } = await opened(t);
  const texts = ['aaa', 'bbb', 'ccc'];
  // Without the server's lock, as two processes or a stolen lock would meet; one is slow enough to
  // come when another has finished.
  for (let i = 0; i < 10; i++) {
    const id = `race-${i}`;
    await tus.create(new Upload({ id, size: 3, offset: 0 }));
    const body = async function* (text: string): AsyncGenerator<Buffer> {
      for (let turns = text === 'ccc' ? 50 : i; turns > 0; turns--) await turn();
      yield Buffer.from(text);
    };
    const race = await Promise.allSettled(
      texts.map((text) => tus.write(Readable.from(body(text)), id, 0)),
    );
    const winners = race.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
    t.is(winners.length, 1);
    t.is(await bucket.file(id).text(), texts[winners[0] ?? 0] ?? '');
  }
  t.is((await keys()).length, 20, 'no part is left');
});

test('an upload whose end a crash cut off is finished when somebody asks', async (t) => {
  const { bucket, tus, keys } = await opened(t);
  await tus.create(new Upload({ id: 'a', size: 6, offset: 0 }));
  await tus.write(Readable.from([Buffer.from('abc')]), 'a', 0);
  // The last part stands, the object does not: the process died in between.
  await bucket.put('.tus/a/0000000000000003', 'def');
  t.is((await tus.getUpload('a')).offset, 6);
  t.is(await bucket.file('a').text(), 'abcdef');
  t.deepEqual(await keys(), ['.tus/a/info', 'a']);
});

test('the length may be told later', async (t) => {
  const it = await opened(t);
  const { bucket, ask } = it;
  await ask('POST', '', { 'upload-defer-length': '1' });
  t.is((await ask('HEAD', '/upload-1')).headers.get('upload-defer-length'), '1');
  await ask('PATCH', '/upload-1', patch(0), 'abc');
  const last = await ask('PATCH', '/upload-1', { ...patch(3), 'upload-length': '5' }, 'de');
  t.is(last.status, 204);
  t.is(await bucket.file('upload-1').text(), 'abcde');
  await ask('POST', '', { 'upload-defer-length': '1' });
  await ask('PATCH', '/upload-2', { ...patch(0), 'upload-length': '0' });
  t.is(await bucket.file('upload-2').text(), '');
});

test('bytes may come with the creation, and an empty upload needs none', async (t) => {
  const { bucket, ask } = await opened(t);
  const created = await ask('POST', '', { ...octets, 'upload-length': '3' }, 'abc');
  t.is(created.headers.get('upload-offset'), '3');
  t.is(await bucket.file('upload-1').text(), 'abc');
  await ask('POST', '', { 'upload-length': '0' });
  t.is(await bucket.file('upload-2').text(), '');
});

test('a removed upload leaves nothing, finished or not', async (t) => {
  const { bucket, ask, keys } = await opened(t, { partSize: 1 });
  await ask('POST', '', { 'upload-length': '10' });
  await ask('PATCH', '/upload-1', patch(0), 'abc');
  t.is((await ask('DELETE', '/upload-1')).status, 204);
  await ask('POST', '', { ...octets, 'upload-length': '3' }, 'abc');
  t.is((await ask('DELETE', '/upload-2')).status, 204);
  t.deepEqual(await keys(), []);
  for (const method of ['HEAD', 'DELETE', 'PATCH'])
    t.is((await ask(method, '/upload-1', method === 'PATCH' ? patch(3) : {})).status, 404, method);
  // What took the finished object's place is another's.
  await ask('POST', '', { ...octets, 'upload-length': '3' }, 'abc');
  await bucket.put('upload-3', 'replaced');
  t.is((await ask('DELETE', '/upload-3')).status, 204);
  t.is(await bucket.file('upload-3').text(), 'replaced');
});

// Alone, since it sets the clock.
test.serial('expired uploads go, the objects of finished ones stay', async (t) => {
  const { tus, keys } = await opened(t, { expirationMs: 60_000 });
  t.is(tus.getExpiration(), 60_000);
  t.is(await tus.deleteExpired(), 0, 'there is no bucket yet');
  for (const [id, size] of [
    ['finished', 3],
    ['unfinished', 9],
    ['young', 9],
  ] as const) {
    await tus.create(new Upload({ id, size, offset: 0 }));
    await tus.write(Readable.from([Buffer.from('abc')]), id, 0);
  }
  t.is(await tus.deleteExpired(), 0);
  const { now } = Date;
  t.teardown(() => {
    Date.now = now;
  });
  Date.now = () => now() + 61_000;
  t.is(await tus.deleteExpired(), 2);
  t.deepEqual(await keys(), ['finished']);
  t.is(await (await opened(t)).tus.deleteExpired(), 0);
});

test('a name that cannot be stored is refused before the first byte', async (t) => {
  const { tus, keys } = await opened(t);
  const create = (id: string) => tus.create(new Upload({ id, size: 3, offset: 0 }));
  for (const id of ['/a', '.tus/a/info', 'a'.repeat(1024), 'ü'.repeat(200)])
    await t.throwsAsync(create(id), { name: 'InvalidObjectNameError' }, id.slice(0, 20));
  await create('dir/../a b');
  await t.throwsAsync(create('dir/../a b'), { name: 'FileAlreadyExistsError' });
  await tus.write(Readable.from([Buffer.from('abc')]), 'dir/../a b', 0);
  t.deepEqual(await keys(), ['.tus/dir%2F..%2Fa%20b/info', 'dir/../a b']);
  // When it is finished, the name may be used again.
  await create('dir/../a b');
  t.is((await tus.getUpload('dir/../a b')).offset, 0);
});

test('a content type that is no header does not fail the upload', async (t) => {
  const { bucket, ask } = await opened(t);
  const metadata = { 'upload-metadata': `filetype ${base64('a/b\r\nx: y')}` };
  await ask('POST', '', { ...octets, ...metadata, 'upload-length': '3' }, 'abc');
  t.is((await bucket.file('upload-1').stat()).contentType, 'application/octet-stream');
});
