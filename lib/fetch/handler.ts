// strongroom/fetch: objects over HTTP for whatever speaks Request and Response.
//
//   address → bucket and key → may this request do that? → one verb of the bucket → answer
import { invalidArgument, StoreError } from '../errors.ts';
import type { Bucket, Store } from '../index.ts';
import { checkOptions, functionOption } from '../options.ts';
import { listBucket, listOptionsOf } from './list.ts';
import { readObject } from './read.ts';
import { failure, isRefusal, refusal } from './refusal.ts';
import { baseOf, type Target, targetOf } from './target.ts';
import { removeObject, writeObject } from './write.ts';

export { nodeListener } from './node-listener.ts';

/** What a request asks to do. */
export type FetchAccess =
  | { action: 'read' | 'write' | 'remove'; bucket: string; key: string }
  | { action: 'list'; bucket: string; prefix: string };

export interface FetchOptions {
  /**
   * Whether the request may do what it asks; a Response is sent instead, a 401 say. There is no
   * default: whoever serves a store says to whom. Names are decoded; decide on them, not on the
   * address. Called before the store is asked anything, so a refusal tells nothing of what exists.
   */
  authorize(
    request: Request,
    access: FetchAccess,
  ): boolean | Response | Promise<boolean | Response>;
  /** The path below which objects lie. @default '/' */
  base?: string | undefined;
  /** Serve this bucket alone: addresses hold no bucket then. */
  bucket?: string | undefined;
  /** Hears of failures, which the client is told without particulars. */
  onError?: ((error: unknown, request: Request) => void) | undefined;
}

const known: ReadonlySet<string> = new Set(['authorize', 'base', 'bucket', 'onError']);
const methods = 'GET, HEAD, PUT, DELETE, OPTIONS';

/**
 * A function from Request to Response that serves the objects of a store:
 *
 * - GET and HEAD with ranges, `If-Range` and all conditions of HTTP;
 * - PUT with the same conditions, content headers and `x-oss-meta-*`, streamed; a bucket is never
 *   made by a request;
 * - DELETE;
 * - GET of a bucket: a page of its listing as JSON (`prefix`, `delimiter`, `cursor`, `limit`).
 *
 * It never rejects: errors are answers, with JSON of `code` and `message`.
 *
 * @throws {TypeError} without `authorize`
 * @throws {StoreError} InvalidArgument for options that cannot be used
 * @example
 * ```ts
 * import { openMemory } from 'strongroom';
 * import { fetchHandler } from 'strongroom/fetch';
 *
 * await using store = await openMemory();
 * await store.bucket('docs').put('hello.txt', 'hello', { contentType: 'text/plain' });
 * const handle = fetchHandler(store, {
 *   base: '/files',
 *   authorize: (request, { action }) => action === 'read',
 * });
 * const answer = await handle(new Request('http://localhost/files/docs/hello.txt'));
 * console.log(answer.status, await answer.text());
 * ```
 */
export function fetchHandler(
  store: Store,
  options: FetchOptions,
): (request: Request) => Promise<Response> {
  checkOptions('fetchHandler', options, known);
  const { authorize, bucket, onError } = options;
  if (typeof authorize !== 'function')
    throw new TypeError('fetchHandler: authorize must be a function: who may do what?');
  functionOption('fetchHandler', 'onError', onError);
  const base = baseOf(options.base);
  if (bucket !== undefined) targetOf('/', '/', bucket); // InvalidBucketName

  return async (request) => {
    try {
      return await serve(store, request, base, options);
    } catch (error) {
      const refused = isRefusal(error);
      if (!refused && !request.signal.aborted) onError?.(error, request);
      const answer = refused ? refusal(error, statusOf(error, request)) : failure(error);
      return request.method === 'HEAD' ? new Response(null, answer) : answer;
    }
  };
}

async function serve(
  store: Store,
  request: Request,
  base: string,
  options: FetchOptions,
): Promise<Response> {
  const { method } = request;
  const { pathname, searchParams } = new URL(request.url);
  if (method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow: methods } });
  const target = targetOf(pathname, base, options.bucket);
  if (target === null) throw new StoreError('NoSuchKey', 'the address lies outside');
  const access = accessOf(method, target, searchParams);
  if (access === null) return notAllowed();
  const allowed = await options.authorize(request, access);
  if (typeof allowed === 'object' && allowed !== null) return allowed;
  if (allowed !== true) throw new StoreError('AccessDenied');
  return act(store.bucket(target.bucket), access, request, searchParams);
}

/** Null for what no address of this kind can be asked. */
function accessOf(
  method: string,
  { bucket, key }: Target,
  query: URLSearchParams,
): FetchAccess | null {
  if (key === '') {
    if (method !== 'GET') return null;
    return { action: 'list', bucket, prefix: query.get('prefix') ?? '' };
  }
  if (method === 'GET' || method === 'HEAD') return { action: 'read', bucket, key };
  if (method !== 'PUT' && method !== 'DELETE') return null;
  // To a server of OSS `?acl` or `?partNumber=1` would mean something else than the whole object.
  if (query.size > 0) throw invalidArgument(`${method} takes no query`);
  return { action: method === 'PUT' ? 'write' : 'remove', bucket, key };
}

function act(
  bucket: Bucket,
  access: FetchAccess,
  request: Request,
  query: URLSearchParams,
): Promise<Response> {
  switch (access.action) {
    case 'list':
      return listBucket(bucket, listOptionsOf(query));
    case 'read':
      return readObject(bucket, access.key, request);
    case 'write':
      return writeObject(bucket, access.key, request);
    case 'remove':
      return removeObject(bucket, access.key, request);
  }
}

function notAllowed(): Response {
  const answer = refusal(new StoreError('MethodNotAllowed'));
  answer.headers.set('allow', methods);
  return answer;
}

/** OSS says 409 where the object exists already; HTTP says 412 to If-None-Match. */
function statusOf(error: StoreError, { headers }: Request): number {
  return error.code === 'FileAlreadyExists' && headers.has('if-none-match') ? 412 : error.status;
}
