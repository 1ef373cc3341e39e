// The handler behind node:http, with real connections on the loopback.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { fetchHandler, nodeListener } from '../../lib/fetch/handler.ts';
import { type Bucket, openMemory } from '../../lib/index.ts';

async function listening(
  t: ExecutionContext,
  handle?: (request: Request) => Promise<Response>,
): Promise<{ docs: Bucket; port: number; url: string }> {
  const store = await openMemory();
  const docs = await store.createBucket('docs');
  const server = createServer(
    nodeListener(handle ?? fetchHandler(store, { authorize: () => true })),
  );
  server.keepAliveTimeout = 0; // A busy machine must not look like an idle connection.
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.closeAllConnections();
    server.close();
    await store.close();
  });
  const { port } = server.address() as AddressInfo;
  return { docs, port, url: `http://127.0.0.1:${port}` };
}

test('puts, gets, heads and removes over a connection', async (t) => {
  const { docs, url } = await listening(t);
  const bytes = randomBytes(400_000);
  const put = await fetch(`${url}/docs/a%20b`, {
    method: 'PUT',
    body: bytes,
    headers: { 'content-type': 'image/png', 'x-oss-meta-author': 'me' },
  });
  t.is(put.status, 200);
  t.is((await docs.head('a b'))?.contentType, 'image/png');
  const got = await fetch(`${url}/docs/a%20b`);
  t.is(got.headers.get('content-length'), String(bytes.length));
  t.is(got.headers.get('x-oss-meta-author'), 'me');
  t.deepEqual(Buffer.from(await got.arrayBuffer()), bytes);
  const part = await fetch(`${url}/docs/a%20b`, { headers: { range: 'bytes=-3' } });
  t.is(part.status, 206);
  t.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(-3));
  const head = await fetch(`${url}/docs/a%20b`, { method: 'HEAD' });
  t.is(head.headers.get('content-length'), String(bytes.length));
  const etag = got.headers.get('etag') ?? '';
  const again = await fetch(`${url}/docs/a%20b`, { headers: { 'if-none-match': etag } });
  t.is(again.status, 304);
  t.is((await fetch(`${url}/docs/a%20b`, { method: 'DELETE' })).status, 204);
  t.is((await fetch(`${url}/docs/a%20b`)).status, 404);
});

test('keeps the path as it came', async (t) => {
  const paths: string[] = [];
  const { port } = await listening(t, async (request) => {
    paths.push(new URL(request.url).pathname);
    return new Response(null, { status: 204 });
  });
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const [response] = (await once(
      httpRequest({ port, host: '127.0.0.1', path, headers }).end(),
      'response',
    )) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  for (const path of ['//evil.example/docs', '/docs//a', '/docs/%2F', '/docs/a?b=//c'])
    t.is(await ask(path), 204, path);
  t.deepEqual(paths, ['//evil.example/docs', '/docs//a', '/docs/%2F', '/docs/a']);
  t.is(await ask('http://evil.example/docs'), 400);
  t.is(await ask('*'), 400);
  t.is(await ask('/docs', { host: 'no host' }), 400);
  t.is(paths.length, 4);
});

test('refuses a body early and keeps the connection', async (t) => {
  const { docs, port } = await listening(t);
  await docs.put('key', 'before');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ports = new Set<number | undefined>();
  for (const [headers, status] of [
    [{ 'if-none-match': '*' }, 412],
    [{ 'content-range': 'bytes 0-1/2' }, 400],
  ] as const) {
    const options = { port, host: '127.0.0.1', path: '/docs/key', method: 'PUT', headers, agent };
    const request = httpRequest(options);
    request.end(Buffer.alloc(5_000_000));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    t.is(response.statusCode, status);
    ports.add(response.socket.localPort);
    await buffer(response);
  }
  const request = httpRequest({ port, host: '127.0.0.1', path: '/docs/key', agent }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  ports.add(response.socket.localPort);
  t.is((await buffer(response)).toString(), 'before');
  t.is(ports.size, 1);
});

test('sends its answer to a client whose body it stopped reading', async (t) => {
  const { url } = await listening(t, async (request) => {
    for await (const _ of request.body as unknown as AsyncIterable<Uint8Array>) break;
    return new Response('too much', { status: 413 });
  });
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(url, { method: 'PUT', body: Buffer.alloc(2_000_000) });
    t.is(answer.status, 413);
    t.is(await answer.text(), 'too much');
  }
});

test('stores nothing of an upload whose client goes away', async (t) => {
  let settled: Promise<Response> | undefined;
  const store = await openMemory();
  t.teardown(() => store.close());
  const docs = await store.createBucket('docs');
  const handle = fetchHandler(store, { authorize: () => true });
  const { port } = await listening(t, (request) => {
    settled = handle(request);
    return settled;
  });
  const socket = connect(port, '127.0.0.1');
  socket.write('PUT /docs/key HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n');
  socket.write(Buffer.alloc(300_000));
  while (settled === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  socket.destroy();
  t.true((await settled).status >= 400);
  t.is(await docs.head('key'), null);
});

test('lets go of a download whose client goes away', async (t) => {
  let signal: AbortSignal | undefined;
  let cancelled = 0;
  const { port } = await listening(t, async (request) => {
    signal = request.signal;
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: () => {
        cancelled++;
      },
    });
    return new Response(body);
  });
  const request = httpRequest({ port, host: '127.0.0.1', path: '/docs/key' }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  await once(response, 'readable');
  response.destroy();
  while (cancelled === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(cancelled, 1);
  t.true(signal?.aborted);
});

test('closes the connection when an answer breaks off', async (t) => {
  const { url } = await listening(t, async () => {
    let pieces = 0;
    const body = new ReadableStream({
      pull: (controller) => {
        if (pieces++ < 3) controller.enqueue(new Uint8Array(1000));
        else controller.error(new Error('a zone is gone'));
      },
    });
    return new Response(body);
  });
  const answer = await fetch(url);
  t.is(answer.status, 200);
  await t.throwsAsync(answer.arrayBuffer());
});

test('closes the connection when the handler itself fails', async (t) => {
  const { url } = await listening(t, async () => {
    throw new Error('a bug of the host');
  });
  await t.throwsAsync(fetch(url));
});
