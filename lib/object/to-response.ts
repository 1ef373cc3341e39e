// toResponse: an open read as the answer to a GET, of the whole object (200) or of a part (206).
import type { ReadableStream } from 'node:stream/web';
import { StoreError } from '../errors.ts';
import type { ObjectBody } from './types.ts';

/** Statuses that carry no body; Response refuses one. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

/** What `init` names goes before what the object says. */
export function toResponse(object: ObjectBody, init: ResponseInit | undefined): Response {
  const status = init?.status ?? (object.range === undefined ? 200 : 206);
  const headers = partHeaders(object); // InvalidRange
  for (const [name, value] of new Headers(init?.headers)) headers.set(name, value);
  const body = object.stream();
  if (!bodiless.has(status)) return new Response(asBody(body), { ...init, status, headers });
  void body.cancel(); // Nobody will read it.
  return new Response(null, { ...init, status, headers });
}

function partHeaders(object: ObjectBody): Headers {
  const { bucket, key, range, size } = object;
  const headers = object.httpHeaders();
  headers.set('accept-ranges', 'bytes');
  if (range === undefined) return headers;
  // Content-Range names a first and a last byte.
  if (range.length === 0)
    throw new StoreError('InvalidRange', 'HTTP cannot name a part of no bytes', { bucket, key });
  const { offset, length } = range;
  headers.set('content-length', String(length));
  headers.set('content-range', `bytes ${offset}-${offset + length - 1}/${size}`);
  return headers;
}

/** One class at run time; to TypeScript those of the platform and of node:stream/web are two. */
function asBody(stream: ReadableStream): ConstructorParameters<typeof Response>[0] {
  return stream as unknown as ConstructorParameters<typeof Response>[0];
}
