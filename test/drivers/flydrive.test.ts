// The driver of flydrive, used through flydrive's own Disk. The package ships no test utilities, so
// the contract is written here after the comments of its DriverContract.
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { Disk, type DriveDirectory, DriveFile, DriveManager } from 'flydrive';
import { FlydriveDriver, type FlydriveOptions } from '../../lib/drivers/flydrive.ts';
import { type Bucket, type ErrorCode, openMemory, StoreError } from '../../lib/index.ts';

async function opened(
  t: ExecutionContext,
  options?: Omit<FlydriveOptions, 'bucket'>,
): Promise<{ bucket: Bucket; driver: FlydriveDriver; disk: Disk }> {
  const store = await openMemory();
  t.teardown(() => store.close());
  const bucket = store.bucket('uploads');
  const driver = new FlydriveDriver({ bucket, ...options });
  return { bucket, driver, disk: new Disk(driver) };
}

/** The code of flydrive's error, and of ours in its cause. */
async function wrapped(
  t: ExecutionContext,
  call: Promise<unknown>,
  code: string,
  cause: ErrorCode,
) {
  const error = await t.throwsAsync(call);
  t.is((error as { code?: string }).code, code);
  t.true(StoreError.is(error?.cause, cause), String(error?.cause));
}

const names = (objects: Iterable<DriveFile | DriveDirectory>): string[] =>
  [...objects].map((entry) => (entry.isFile ? entry.key : `${entry.prefix}/`));

test('files come back as they were put', async (t) => {
  const { bucket, disk } = await opened(t);
  await disk.put('a/text.txt', 'hello ✓');
  t.is(await disk.get('a/text.txt'), 'hello ✓');
  await disk.put('bytes', Uint8Array.of(0, 255));
  t.deepEqual(await disk.getBytes('bytes'), Uint8Array.of(0, 255));
  await disk.putStream('stream', Readable.from([Buffer.from('one '), Buffer.from('two')]));
  t.is(await text(await disk.getStream('stream')), 'one two');
  t.true(await disk.exists('stream'));
  t.false(await disk.exists('a'));
  await disk.delete('stream');
  await disk.delete('stream');
  t.false(await disk.exists('stream'));
  t.deepEqual(
    (await bucket.list().toArray()).map(({ key }) => key),
    ['a/text.txt', 'bytes'],
  );
});

test('headers and lengths are kept and kept to', async (t) => {
  const { bucket, disk } = await opened(t);
  await disk.put('a', '{}', {
    contentType: 'application/json',
    contentLanguage: 'de',
    contentEncoding: 'identity',
    contentDisposition: 'attachment',
    cacheControl: 'no-store',
    contentLength: 2,
    visibility: 'private',
  });
  const object = await bucket.file('a').stat();
  const headers = object.httpHeaders();
  t.is(headers.get('content-language'), 'de');
  t.is(headers.get('content-encoding'), 'identity');
  t.is(headers.get('content-disposition'), 'attachment');
  t.is(headers.get('cache-control'), 'no-store');
  const { etag, lastModified } = object;
  const expected = { contentType: 'application/json', contentLength: 2, etag, lastModified };
  t.deepEqual(await disk.getMetaData('a'), expected);
  const snapshot = await disk.file('a').toSnapshot();
  t.is(snapshot.etag, etag);
  t.is(await disk.fromSnapshot(snapshot).get(), '{}');
  const short = disk.putStream('b', Readable.from(['abc']), { contentLength: 4 });
  await wrapped(t, short, 'E_CANNOT_WRITE_FILE', 'IncompleteBody');
  t.false(await disk.exists('b'));
});

test('a missing file is an error, a missing bucket an empty disk', async (t) => {
  const { bucket, disk } = await opened(t);
  t.false(await disk.exists('a'));
  t.deepEqual(names((await disk.listAll()).objects), []);
  await disk.delete('a');
  await disk.deleteAll();
  await wrapped(t, disk.get('a'), 'E_CANNOT_READ_FILE', 'NoSuchBucket');
  await bucket.store.createBucket('uploads');
  await wrapped(t, disk.get('a'), 'E_CANNOT_READ_FILE', 'NoSuchKey');
  await wrapped(t, disk.getBytes('a'), 'E_CANNOT_READ_FILE', 'NoSuchKey');
  await wrapped(t, disk.getStream('a'), 'E_CANNOT_READ_FILE', 'NoSuchKey');
  await wrapped(t, disk.getMetaData('a'), 'E_CANNOT_GET_METADATA', 'NoSuchKey');
  await wrapped(t, disk.getVisibility('a'), 'E_CANNOT_GET_METADATA', 'NoSuchKey');
  await wrapped(t, disk.setVisibility('a', 'private'), 'E_CANNOT_SET_VISIBILITY', 'NoSuchKey');
  await wrapped(t, disk.copy('a', 'b'), 'E_CANNOT_COPY_FILE', 'NoSuchKey');
  await wrapped(t, disk.move('a', 'b'), 'E_CANNOT_MOVE_FILE', 'NoSuchKey');
  t.false(await disk.exists('b'));
});

test('copies and moves keep headers and metadata', async (t) => {
  const { bucket, disk } = await opened(t);
  const body = Buffer.alloc(400_000, 'strongroom ');
  const expires = new Date('2031-01-01T00:00:00Z');
  const metadata = { author: 'müller' };
  await bucket.put('a', body, {
    contentType: 'text/plain',
    cacheControl: 'no-cache',
    expires,
    metadata,
  });
  await disk.copy('a', 'dir/b');
  await disk.copy('a', 'c', { contentType: 'text/html' });
  await disk.move('a', 'd');
  t.false(await disk.exists('a'));
  for (const key of ['dir/b', 'c', 'd']) {
    const object = await bucket.file(key).stat();
    t.is(object.contentType, key === 'c' ? 'text/html' : 'text/plain');
    t.is(object.httpHeaders().get('cache-control'), 'no-cache');
    t.is(object.httpHeaders().get('expires'), expires.toUTCString());
    t.deepEqual(object.metadata, metadata);
    t.deepEqual(Buffer.from(await disk.getBytes(key)), body);
  }
  await disk.move('d', 'd');
  await disk.copy('d', 'd', { contentType: 'text/css' });
  t.is((await disk.getMetaData('d')).contentType, 'text/css');
  t.deepEqual(Buffer.from(await disk.getBytes('d')), body);
});

test('a source that is replaced while it moves is not lost', async (t) => {
  const { disk } = await opened(t);
  for (let i = 0; i < 20; i++) {
    await disk.put('a', 'old');
    await Promise.all([disk.move('a', 'b'), disk.put('a', 'new')]);
    const a = (await disk.exists('a')) ? await disk.get('a') : null;
    t.true(a === 'new' || (await disk.get('b')) === 'new');
  }
});

test('folders are listed, paged and deleted as folders', async (t) => {
  const { disk } = await opened(t);
  for (const key of ['a/1', 'a/2', 'a/b/3', 'a/b/c/4', 'ab', 'abc/5', 'z'])
    await disk.put(key, key);
  const list = async (prefix?: string, options?: object) =>
    names((await disk.listAll(prefix, options)).objects);
  t.deepEqual(await list(), ['a/', 'abc/', 'ab', 'z']);
  t.deepEqual(await list('/'), ['a/', 'abc/', 'ab', 'z']);
  t.deepEqual(await list('a'), ['a/b/', 'a/1', 'a/2']);
  t.deepEqual(await list('a/'), ['a/b/', 'a/1', 'a/2']);
  t.deepEqual(await list('a', { recursive: true }), ['a/1', 'a/2', 'a/b/3', 'a/b/c/4']);
  t.deepEqual(await list('none'), []);
  const [file] = [...(await disk.listAll('a/b/c')).objects];
  t.true(file instanceof DriveFile);
  t.is((await (file as DriveFile).getMetaData()).contentLength, 7);

  const paged: string[] = [];
  let paginationToken: string | undefined;
  do {
    const options = { recursive: true, maxResults: 2, ...(paginationToken && { paginationToken }) };
    const page = await disk.listAll('/', options);
    const found = names(page.objects);
    t.true(found.length <= 2);
    paged.push(...found);
    paginationToken = page.paginationToken;
  } while (paginationToken !== undefined);
  t.deepEqual(paged, ['a/1', 'a/2', 'a/b/3', 'a/b/c/4', 'ab', 'abc/5', 'z']);

  await disk.deleteAll('a/b');
  t.deepEqual(await list('/', { recursive: true }), ['a/1', 'a/2', 'ab', 'abc/5', 'z']);
  await disk.deleteAll('a');
  await disk.deleteAll('z');
  t.deepEqual(await list('/', { recursive: true }), ['ab', 'abc/5']);
  await disk.deleteAll();
  t.deepEqual(await list(), []);
});

test('deletes folders of more than one page', async (t) => {
  const { bucket, disk } = await opened(t);
  for (let i = 0; i < 1005; i++) await bucket.put(`many/${i}`, '');
  await disk.deleteAll('many');
  t.deepEqual(await bucket.list().toArray(), []);
});

test('what cannot be kept is refused', async (t) => {
  const { disk } = await opened(t);
  await disk.put('a', 'text');
  t.is(await disk.getVisibility('a'), 'private');
  await disk.setVisibility('a', 'private');
  const open = disk.setVisibility('a', 'public');
  await wrapped(t, open, 'E_CANNOT_SET_VISIBILITY', 'NotImplemented');
  const put = disk.put('b', 'text', { visibility: 'public' });
  await wrapped(t, put, 'E_CANNOT_WRITE_FILE', 'NotImplemented');
  t.false(await disk.exists('b'));
  await wrapped(t, disk.getUrl('a'), 'E_CANNOT_GENERATE_URL', 'NotImplemented');
  await wrapped(t, disk.getSignedUrl('a'), 'E_CANNOT_GENERATE_URL', 'NotImplemented');
  await wrapped(t, disk.getSignedUploadUrl('a'), 'E_CANNOT_GENERATE_URL', 'NotImplemented');
});

test('public addresses are for the host to make', async (t) => {
  const { disk, driver } = await opened(t, {
    visibility: 'public',
    url: (key) => `https://files.example/${key}`,
  });
  await disk.put('a', 'text', { visibility: 'public' });
  t.is(await disk.getVisibility('a'), 'public');
  t.is(await disk.getUrl('a'), 'https://files.example/a');
  t.is(await driver.bucket('other').getUrl('b'), 'https://files.example/b');
});

test('a DriveManager uses it among its services', async (t) => {
  const { driver } = await opened(t);
  const drive = new DriveManager({
    default: 'uploads',
    services: { uploads: () => driver, other: () => driver.bucket('other') },
  });
  await drive.use().put('a', 'one');
  await drive.use('other').put('a', 'two');
  t.is(await drive.use('uploads').get('a'), 'one');
  t.is(await drive.use('other').get('a'), 'two');
});
