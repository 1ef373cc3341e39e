// Serves a store over HTTP: ranges, conditions, and a rule for who may do what.
//   npx tsx examples/fetch-handler.ts [DIRECTORY]
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { open } from 'strongroom';
import { fetchHandler, nodeListener } from 'strongroom/fetch';

const directory = process.argv[2] ?? './data';
await using store = await open(directory);
await store.createBucket('media', { ifNotExists: true });

const handle = fetchHandler(store, {
  base: '/files',
  // Nothing is allowed unless this says so. Names come decoded; the request comes with its headers.
  authorize: (request, { action }) =>
    action === 'read' || request.headers.get('authorization') === 'Bearer let-me-write',
});

// A function from Request to Response, for Hono and its kin as it is; for node:http through this.
const server = createServer(nodeListener(handle)).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files/media/hello.txt`;

const authorization = 'Bearer let-me-write';
const missing = await fetch(url);
const put = await fetch(url, { method: 'PUT', body: 'hello world', headers: { authorization } });
console.log(missing.status, 'then', put.status);

const part = await fetch(url, { headers: { range: 'bytes=6-' } });
console.log(part.status, part.headers.get('content-range'), await part.text());

const etag = put.headers.get('etag') ?? '';
console.log((await fetch(url, { headers: { 'if-none-match': etag } })).status);

const refused = await fetch(url, { method: 'DELETE' });
console.log(refused.status, ((await refused.json()) as { code: string }).code);
server.close();
server.closeAllConnections();
