// Objects over Request and Response: what HTTP's rules ask of a server, and who may do what.
import { createHash, randomBytes } from 'node:crypto';
import { ReadableStream } from 'node:stream/web';
import test, { type ExecutionContext } from 'ava';
import { type FetchAccess, type FetchOptions, fetchHandler } from '../../lib/fetch/handler.ts';
import { type Bucket, openMemory, type Store, StoreError } from '../../lib/index.ts';

type HeadersInit = ConstructorParameters<typeof Headers>[0];

interface Served {
  readonly store: Store;
  readonly docs: Bucket;
  /** One request: method, path, headers, body. */
  ask(method: string, path: string, headers?: HeadersInit, body?: unknown): Promise<Response>;
}

async function served(t: ExecutionContext, options?: Partial<FetchOptions>): Promise<Served> {
  const store = await openMemory();
  t.teardown(() => store.close());
  const docs = await store.createBucket('docs');
  const handle = fetchHandler(store, {
    authorize: () => true,
    onError: (error) => t.fail(String(error)),
    ...options,
  });
  const ask: Served['ask'] = (method, path, headers = {}, body = null) =>
    handle(
      new Request(`http://localhost${path}`, {
        method,
        headers,
        body,
        duplex: 'half',
      } as RequestInit),
    );
  return { store, docs, ask };
}

async function refused(t: ExecutionContext, answer: Response, status: number, code: string) {
  t.is(answer.status, status);
  t.is(answer.headers.get('content-type'), 'application/json');
  const told = (await answer.json()) as { code: string; message: string };
  t.is(told.code, code, told.message);
}

test('stores what is put, and serves it with its headers', async (t) => {
  const { docs, ask } = await served(t);
  const sent = {
    'content-type': 'text/html',
    'content-encoding': 'identity',
    'content-language': 'de',
    'content-disposition': 'inline',
    'cache-control': 'max-age=60',
    expires: 'Wed, 01 Jan 2031 00:00:00 GMT',
    'x-oss-meta-author': 'me',
  };
  const put = await ask('PUT', '/docs/a/b.html', sent, 'hello');
  t.is(put.status, 200);
  const head = await docs.head('a/b.html');
  t.is(put.headers.get('etag'), head?.etag ?? null);
  t.is(put.headers.get('x-oss-hash-crc64ecma'), head?.checksums.crc64 ?? null);
  for (const method of ['GET', 'HEAD']) {
    const answer = await ask(method, '/docs/a/b.html?v=3');
    t.is(answer.status, 200);
    for (const [name, value] of Object.entries(sent)) t.is(answer.headers.get(name), value, name);
    t.is(answer.headers.get('content-length'), '5');
    t.is(answer.headers.get('etag'), head?.etag ?? null);
    t.is(answer.headers.get('accept-ranges'), 'bytes');
    t.is(answer.headers.get('x-content-type-options'), 'nosniff');
    t.is(await answer.text(), method === 'GET' ? 'hello' : '');
  }
  t.is((await ask('DELETE', '/docs/a/b.html')).status, 204);
  t.is((await ask('DELETE', '/docs/a/b.html')).status, 204);
  await refused(t, await ask('GET', '/docs/a/b.html'), 404, 'NoSuchKey');
  t.is(await (await ask('HEAD', '/docs/a/b.html')).text(), '');
});

test('streams large bodies both ways', async (t) => {
  const { ask } = await served(t);
  const bytes = randomBytes(400_000);
  const put = await ask('PUT', '/docs/large', {}, ReadableStream.from([bytes, bytes]));
  t.is(put.status, 200);
  const answer = await ask('GET', '/docs/large');
  t.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.concat([bytes, bytes]));
});

test('serves ranges, and says where they lie', async (t) => {
  const { docs, ask } = await served(t);
  await docs.put('key', '0123456789');
  const parts = [
    ['bytes=0-0', 'bytes 0-0/10', '0'],
    ['bytes=8-', 'bytes 8-9/10', '89'],
    ['bytes=-3', 'bytes 7-9/10', '789'],
    ['bytes=-99', 'bytes 0-9/10', '0123456789'],
    ['Bytes=5-99999999999999999999999', 'bytes 5-9/10', '56789'],
  ] as const;
  for (const [range, place, text] of parts) {
    const answer = await ask('GET', '/docs/key', { range });
    t.is(answer.status, 206, range);
    t.is(answer.headers.get('content-range'), place);
    t.is(answer.headers.get('content-length'), String(text.length));
    t.is(await answer.text(), text);
  }
  for (const range of ['bytes=10-', 'bytes=-0', 'bytes=99999999999999999999999-']) {
    const answer = await ask('GET', '/docs/key', { range });
    t.is(answer.headers.get('content-range'), 'bytes */10', range);
    await refused(t, answer, 416, 'InvalidRange');
  }
  // What is no single range of bytes is no range.
  for (const range of ['bytes=0-1,3-4', 'bytes=5-3', 'lines=0-1', 'bytes=-', 'bytes=a-b', '']) {
    const answer = await ask('GET', '/docs/key', { range });
    t.is(answer.status, 200, range);
    t.is(await answer.text(), '0123456789');
  }
  t.is((await ask('HEAD', '/docs/key', { range: 'bytes=0-0' })).status, 200);
});

test('asks the conditions before it reads', async (t) => {
  const { docs, ask } = await served(t);
  const { etag, lastModified } = await docs.put('key', '0123456789', { cacheControl: 'no-cache' });
  const modified = lastModified.toUTCString();
  const before = new Date(lastModified.getTime() - 60_000).toUTCString();
  for (const method of ['GET', 'HEAD']) {
    for (const headers of [
      { 'if-none-match': etag },
      { 'if-none-match': `"other", W/${etag}` },
      { 'if-none-match': '*' },
      { 'if-modified-since': modified },
      { 'if-none-match': etag, range: 'bytes=0-1' },
      { 'if-none-match': etag, range: 'bytes=99-' },
      { 'if-match': etag, 'if-none-match': etag },
    ]) {
      const answer = await ask(method, '/docs/key', headers as HeadersInit);
      t.is(answer.status, 304, JSON.stringify(headers));
      t.is(answer.headers.get('etag'), etag);
      t.is(answer.headers.get('last-modified'), modified);
      t.is(answer.headers.get('cache-control'), 'no-cache');
      t.is(answer.body, null);
    }
    for (const headers of [
      { 'if-match': '"other"' },
      { 'if-unmodified-since': before },
      { 'if-match': '"other"', range: 'bytes=99-' },
    ])
      t.is((await ask(method, '/docs/key', headers as HeadersInit)).status, 412);
    for (const headers of [
      { 'if-match': etag },
      { 'if-none-match': '"other"' },
      { 'if-modified-since': before },
    ])
      t.is((await ask(method, '/docs/key', headers as HeadersInit)).status, 200);
  }
});

test('resumes a download only of the same object', async (t) => {
  const { docs, ask } = await served(t);
  const { etag, lastModified } = await docs.put('key', '0123456789');
  const resume = (ifRange: string) =>
    ask('GET', '/docs/key', { range: 'bytes=5-', 'if-range': ifRange });
  t.is(await (await resume(etag)).text(), '56789');
  t.is((await resume(etag)).status, 206);
  t.is((await resume(lastModified.toUTCString())).status, 206);
  for (const other of [`W/${etag}`, '"other"', 'Thu, 01 Jan 1970 00:00:00 GMT', 'nonsense']) {
    const answer = await resume(other);
    t.is(answer.status, 200, other);
    t.is(await answer.text(), '0123456789');
  }
  await docs.put('key', 'replaced meanwhile');
  t.is(await (await resume(etag)).text(), 'replaced meanwhile');
  const headers = { range: 'bytes=5-', 'if-range': etag, 'if-match': etag };
  t.is((await ask('GET', '/docs/key', headers)).status, 412);
});

test('answers for one object that is replaced between two looks at it', async (t) => {
  const { store, docs, ask } = await served(t);
  // Whoever looks at the object finds it replaced a moment later, three times in a row.
  let replacements = 0;
  const open = store.bucket.bind(store);
  store.bucket = (name) => {
    const bucket = open(name);
    const head = bucket.head.bind(bucket);
    bucket.head = async (...call) => {
      const object = await head(...call);
      if (replacements++ < 3) await docs.put('key', `${replacements}`.repeat(10));
      return object;
    };
    return bucket;
  };
  const old = await docs.put('key', '0'.repeat(10));
  const headers = { range: 'bytes=3-4', 'if-range': old.etag };
  const whole = await ask('GET', '/docs/key', headers);
  t.is(whole.status, 200);
  t.is(await whole.text(), '3'.repeat(10));
  t.is(replacements, 4);

  replacements = 0;
  const since = { 'if-modified-since': new Date(Date.now() + 3_600_000).toUTCString() };
  const answer = await ask('GET', '/docs/key', since);
  t.is(answer.status, 304);
  t.is(answer.headers.get('etag'), (await docs.head('key'))?.etag ?? null);
});

test('writes under conditions', async (t) => {
  const { docs, ask } = await served(t);
  const put = (headers: HeadersInit) => ask('PUT', '/docs/key', headers, 'new');
  const { etag } = await docs.put('key', 'old');
  await refused(t, await put({ 'if-none-match': '*' }), 412, 'FileAlreadyExists');
  await refused(t, await put({ 'x-oss-forbid-overwrite': 'true' }), 409, 'FileAlreadyExists');
  await refused(t, await put({ 'if-match': '"other"' }), 412, 'PreconditionFailed');
  const remove = await ask('DELETE', '/docs/key', { 'if-match': '"other"' });
  await refused(t, remove, 412, 'PreconditionFailed');
  t.is(await docs.file('key').text(), 'old');
  t.is((await put({ 'if-match': etag })).status, 200);
  await refused(t, await put({ 'if-match': etag }), 412, 'PreconditionFailed');
  t.is(await docs.file('key').text(), 'new');
});

test('stores nothing of a body that is short, long, broken off or a part', async (t) => {
  const { docs, ask } = await served(t);
  const put = (headers: HeadersInit, body: unknown) => ask('PUT', '/docs/key', headers, body);
  const stream = () => ReadableStream.from([Buffer.from('abc')]);
  await refused(t, await put({ 'content-length': '4' }, stream()), 400, 'IncompleteBody');
  await refused(t, await put({ 'content-length': '2' }, stream()), 400, 'IncompleteBody');
  await refused(t, await put({ 'content-range': 'bytes 0-2/9' }, 'abc'), 400, 'InvalidArgument');
  await refused(t, await put({ expires: 'soon' }, 'abc'), 400, 'InvalidArgument');
  const md5 = createHash('md5').update('other').digest('base64');
  await refused(t, await put({ 'content-md5': md5 }, 'abc'), 400, 'InvalidDigest');
  await refused(t, await put({ 'content-md5': 'nonsense' }, 'abc'), 400, 'InvalidArgument');
  const broken = ReadableStream.from(
    (async function* () {
      yield Buffer.from('abc');
      throw new Error('broken off');
    })(),
  );
  await refused(t, await put({}, broken), 400, 'IncompleteBody');
  for (const query of ['?acl', '?partNumber=1&uploadId=2', '?tagging'])
    await refused(t, await ask('PUT', `/docs/key${query}`, {}, 'abc'), 400, 'InvalidArgument');
  await refused(t, await ask('DELETE', '/docs/key?tagging'), 400, 'InvalidArgument');
  t.deepEqual(await docs.list().toArray(), []);
  const right = createHash('md5').update('abc').digest('base64');
  t.is((await put({ 'content-md5': right }, 'abc')).status, 200);
});

test('never makes a bucket', async (t) => {
  const { store, ask } = await served(t);
  await refused(t, await ask('PUT', '/other/key', {}, 'abc'), 404, 'NoSuchBucket');
  await refused(t, await ask('GET', '/other/key'), 404, 'NoSuchBucket');
  t.false(await store.bucket('other').exists());
});

test('takes keys as they are meant', async (t) => {
  const { docs, ask } = await served(t, { base: '/files/' });
  const keys = {
    'a//b': '/files/docs/a//b',
    'dir/': '/files/docs/dir/',
    'a/../b': '/files/docs/a%2F..%2Fb',
    '../': '/files/docs/..%2F',
    'a b+c': '/files/docs/a%20b+c',
    'ü?#%': '/files/docs/%C3%BC%3F%23%25',
    'a%2Fb': '/files/docs/a%252Fb',
    'a\\b': '/files/docs/a%5Cb',
  };
  for (const [key, path] of Object.entries(keys)) {
    t.is((await ask('PUT', path, {}, key)).status, 200, path);
    t.deepEqual(
      (await docs.list().toArray()).map((object) => object.key),
      [key],
      path,
    );
    t.is(await (await ask('GET', path)).text(), key);
    await ask('DELETE', path);
  }
  // Resolved by whoever made the Request, so it names something else, or nothing at all.
  await docs.put('b', 'b');
  t.is(await (await ask('GET', '/files/docs/a/../b')).text(), 'b');
  t.is(await (await ask('GET', '/files/docs/a/%2e%2e/b')).text(), 'b');
  await refused(t, await ask('GET', '/files/../docs/b'), 404, 'NoSuchKey');
  await refused(t, await ask('GET', '/docs/b'), 404, 'NoSuchKey');
  await refused(t, await ask('GET', '/filesdocs/b'), 404, 'NoSuchKey');
  await refused(t, await ask('GET', '/files/docs//b'), 400, 'InvalidObjectName');
  await refused(t, await ask('GET', '/files/docs/%00'), 400, 'InvalidObjectName');
  await refused(t, await ask('GET', '/files/docs/%ff'), 400, 'InvalidArgument');
  await refused(t, await ask('GET', '/files/docs/50%'), 400, 'InvalidArgument');
  await refused(t, await ask('GET', '/files/docs%2Fb'), 400, 'InvalidBucketName');
  await refused(t, await ask('GET', '/files/'), 400, 'InvalidBucketName');
  await refused(t, await ask('GET', '/files/DOCS/b'), 400, 'InvalidBucketName');
});

test('serves one bucket without its name', async (t) => {
  const { docs, ask } = await served(t, { base: '/media', bucket: 'docs' });
  await docs.put('docs/a', 'text');
  t.is(await (await ask('GET', '/media/docs/a')).text(), 'text');
  const listed = (await (await ask('GET', '/media')).json()) as { objects: { key: string }[] };
  t.deepEqual(
    listed.objects.map(({ key }) => key),
    ['docs/a'],
  );
});

test('lists a bucket page by page', async (t) => {
  const { docs, ask } = await served(t);
  for (const key of ['a/1', 'a/2', 'a/b/3', 'c']) await docs.put(key, key);
  const list = async (query: string) => (await (await ask('GET', `/docs${query}`)).json()) as Page;
  type Page = {
    objects: { key: string; size: number; etag: string }[];
    prefixes: string[];
    truncated: boolean;
    cursor?: string;
  };
  const all = await list('/');
  t.deepEqual(
    all.objects.map(({ key, size }) => [key, size]),
    [
      ['a/1', 3],
      ['a/2', 3],
      ['a/b/3', 5],
      ['c', 1],
    ],
  );
  t.false(all.truncated);
  t.is(all.objects[3]?.etag, (await docs.head('c'))?.etag);
  t.deepEqual((await list('?prefix=a%2F&delimiter=%2F')).prefixes, ['a/b/']);
  const first = await list('?prefix=a/&limit=2');
  t.true(first.truncated);
  const rest = await list(`?prefix=a/&cursor=${first.cursor}`);
  t.deepEqual(
    rest.objects.map(({ key }) => key),
    ['a/b/3'],
  );
  const other = await ask('GET', `/docs?cursor=${first.cursor}`);
  await refused(t, other, 400, 'InvalidArgument');
  for (const query of ['?acl', '?limit=0', '?limit=1001', '?limit=x', '?prefix=%00'])
    t.is((await ask('GET', `/docs${query}`)).status, 400, query);
  await docs.delete({ force: true });
  await refused(t, await ask('GET', '/docs'), 404, 'NoSuchBucket');
});

test('does nothing that authorize does not allow', async (t) => {
  const asked: FetchAccess[] = [];
  const login = { status: 401, headers: { 'www-authenticate': 'Basic' } };
  const { docs, ask } = await served(t, {
    authorize: async (request, access) => {
      asked.push(access);
      if (request.headers.has('login')) return new Response('who are you?', login);
      return access.action === 'read' && access.key.startsWith('public/');
    },
  });
  await docs.put('public/a', 'text');
  t.is(await (await ask('GET', '/docs/public/a')).text(), 'text');
  await refused(t, await ask('GET', '/docs/public%2F..%2Fprivate'), 404, 'NoSuchKey');
  for (const [method, path] of [
    ['GET', '/docs/private'],
    ['GET', '/missing-bucket/private'],
    ['PUT', '/docs/public/a'],
    ['DELETE', '/docs/public/a'],
    ['GET', '/docs?prefix=public/'],
  ] as const)
    await refused(
      t,
      await ask(method, path, {}, method === 'PUT' ? 'x' : null),
      403,
      'AccessDenied',
    );
  t.is((await ask('GET', '/docs/public/a', { login: 'no' })).status, 401);
  t.is(await docs.file('public/a').text(), 'text');
  t.deepEqual(asked[1], { action: 'read', bucket: 'docs', key: 'public/../private' });
  t.deepEqual(asked.at(-2), { action: 'list', bucket: 'docs', prefix: 'public/' });
  for (const answer of [1, 'true', {}, undefined, null]) {
    const { ask: other } = await served(t, { authorize: () => answer as never });
    if (typeof answer === 'object' && answer !== null) continue;
    await refused(t, await other('GET', '/docs/key'), 403, 'AccessDenied');
  }
});

test('fails closed, and tells the host what it does not tell the client', async (t) => {
  const heard: unknown[] = [];
  const boom = new Error('the password is secret');
  const { store, ask } = await served(t, {
    authorize: (_, { action }) => {
      if (action === 'list') throw boom;
      return true;
    },
    onError: (error) => heard.push(error),
  });
  const answer = await ask('GET', '/docs');
  t.is(answer.status, 500);
  t.false((await answer.text()).includes('secret'));
  t.deepEqual(heard, [boom]);
  await store.close();
  await refused(t, await ask('GET', '/docs/key'), 503, 'ServiceUnavailable');
  t.is((heard[1] as { code: string }).code, 'STORE_CLOSED');
});

test('takes no other methods', async (t) => {
  const { ask } = await served(t);
  for (const [method, path] of [
    ['POST', '/docs/key'],
    ['PATCH', '/docs/key'],
    ['PUT', '/docs'],
    ['DELETE', '/docs/'],
  ] as const) {
    const answer = await ask(method, path);
    t.is(answer.headers.get('allow'), 'GET, HEAD, PUT, DELETE, OPTIONS');
    await refused(t, answer, 405, 'MethodNotAllowed');
  }
  const options = await ask('OPTIONS', '/docs/key');
  t.is(options.status, 204);
  t.is(options.headers.get('allow'), 'GET, HEAD, PUT, DELETE, OPTIONS');
});

test('says at the start what it cannot serve', async (t) => {
  const store = await openMemory();
  t.teardown(() => store.close());
  const authorize = () => true;
  t.throws(() => fetchHandler(store, {} as never), { instanceOf: TypeError });
  t.throws(() => fetchHandler(store, undefined as never), { instanceOf: TypeError });
  t.throws(() => fetchHandler(store, { authorize, onError: 1 as never }), {
    instanceOf: TypeError,
  });
  for (const wrong of [{ base: 'files' }, { bucket: 'NO' }, { basePath: '/' }]) {
    const error = t.throws(() => fetchHandler(store, { authorize, ...wrong }));
    t.true(StoreError.is(error, 'InvalidArgument', 'InvalidBucketName'));
  }
});
