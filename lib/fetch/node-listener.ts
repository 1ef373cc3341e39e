// nodeListener: a fetch-style handler behind node:http, for hosts without an adapter of their own.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';

/**
 * Makes a listener for `createServer()` of node:http or node:https. A client that goes away aborts
 * the request's signal; an answer that breaks off closes the connection, so that nobody takes a
 * part for the whole.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { openMemory } from 'strongroom';
 * import { fetchHandler, nodeListener } from 'strongroom/fetch';
 *
 * const store = await openMemory();
 * const handle = fetchHandler(store, { authorize: (_, { action }) => action === 'read' });
 * const server = createServer(nodeListener(handle));
 * server.listen(0, '127.0.0.1', () => server.close(() => store.close()));
 * ```
 */
export function nodeListener(handle: (request: Request) => Promise<Response>): RequestListener {
  return (incoming, outgoing) => {
    converse(handle, incoming, outgoing).catch(() => outgoing.destroy());
  };
}

async function converse(
  handle: (request: Request) => Promise<Response>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  const request = requestOf(incoming, gone.signal);
  if (request === null) {
    outgoing.writeHead(400).end();
    return;
  }
  // What the handler has left of the body goes: the connection's next request comes behind it.
  outgoing.once('finish', () => incoming.resume());
  const response = await handle(request);
  outgoing.writeHead(response.status, [...response.headers].flat());
  if (response.body === null) outgoing.end();
  else if (incoming.method === 'HEAD') await response.body.cancel().then(() => outgoing.end());
  else
    await pipeline(Readable.from(response.body as unknown as AsyncIterable<Uint8Array>), outgoing);
}

/** Null for what is no request for a path. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | null {
  const { method = 'GET', url = '' } = incoming;
  if (!url.startsWith('/')) return null;
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2)
    headers.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '');
  const bodiless = method === 'GET' || method === 'HEAD';
  try {
    // Joined as text: as a relative address `//a/b` would name the host a.
    return new Request(`${originOf(incoming)}${url}`, {
      method,
      headers,
      signal,
      duplex: 'half',
      body: bodiless ? null : (bodyOf(incoming) as never),
    } as RequestInit);
  } catch {
    return null; // Methods such as CONNECT, hosts that are none.
  }
}

/** Not destroyed by a reader that stops: the refusal is still to be sent on the same connection. */
function bodyOf(incoming: IncomingMessage): ReadableStream {
  return ReadableStream.from(incoming.iterator({ destroyOnReturn: false }));
}

function originOf(incoming: IncomingMessage): string {
  const scheme = 'encrypted' in incoming.socket ? 'https' : 'http';
  return `${scheme}://${incoming.headers.host || 'localhost'}`;
}
