// GET and HEAD of one object: conditions first, then the range, as RFC 9110 orders them.
import { StoreError } from '../errors.ts';
import type { Bucket, ObjectBody, Range, StoredObject } from '../index.ts';
import { refusal } from './refusal.ts';

/** @throws {StoreError} NoSuchKey, PreconditionFailed, and what get and head throw */
export async function readObject(bucket: Bucket, key: string, request: Request): Promise<Response> {
  for (;;) {
    try {
      const answer = await answerOnce(bucket, key, request);
      if (answer !== null) return answer;
    } catch (error) {
      if (StoreError.is(error, 'InvalidRange')) return outOfRange(bucket, key, error);
      if (!StoreError.is(error, 'NotModified')) throw error;
      const answer = await notModified(bucket, key, request);
      if (answer !== null) return answer;
    }
  }
}

/** Null when the object changed between two looks at it. */
async function answerOnce(bucket: Bucket, key: string, request: Request): Promise<Response | null> {
  const { headers, method, signal } = request;
  if (method === 'HEAD') {
    const object = found(await bucket.head(key, { onlyIf: headers, signal }), bucket, key);
    return new Response(null, { headers: safe(object.httpHeaders()) });
  }
  const range = rangeOf(headers);
  const ifRange = headers.get('if-range');
  if (range === null || ifRange === null) {
    const body = await bucket.get(key, { onlyIf: headers, signal, ...(range && { range }) });
    return served(found(body, bucket, key));
  }
  const object = found(await bucket.head(key, { onlyIf: headers, signal }), bucket, key);
  const wanted = isSame(object, ifRange) ? { range } : {};
  try {
    // The part of exactly the object that was compared.
    const onlyIf = { etag: object.etag };
    return served(found(await bucket.get(key, { ...wanted, onlyIf, signal }), bucket, key));
  } catch (error) {
    if (StoreError.is(error, 'PreconditionFailed')) return null;
    throw error;
  }
}

/** 304 names the object that was compared, so it is looked at again under its own ETag. */
async function notModified(
  bucket: Bucket,
  key: string,
  request: Request,
): Promise<Response | null> {
  const { signal } = request;
  const object = found(await bucket.head(key, { signal }), bucket, key);
  const onlyIf = new Headers(request.headers);
  onlyIf.set('if-match', object.etag);
  try {
    await bucket.head(key, { onlyIf, signal });
    return null;
  } catch (error) {
    if (StoreError.is(error, 'PreconditionFailed')) return null;
    if (!StoreError.is(error, 'NotModified')) throw error;
  }
  const headers = safe(object.httpHeaders());
  for (const name of ['content-length', 'content-type']) headers.delete(name);
  return new Response(null, { status: 304, headers });
}

async function outOfRange(bucket: Bucket, key: string, error: StoreError): Promise<Response> {
  const answer = refusal(error);
  const object = await bucket.head(key);
  if (object !== null) answer.headers.set('content-range', `bytes */${object.size}`);
  return answer;
}

function served(body: ObjectBody): Response {
  return body.toResponse({ headers: safe() });
}

/** What a browser must be told of bytes that somebody else has written. */
function safe(headers: Headers = new Headers()): Headers {
  headers.set('accept-ranges', 'bytes');
  headers.set('x-content-type-options', 'nosniff');
  return headers;
}

/** One range of bytes, or null: several ranges and other units may be ignored, and are. */
function rangeOf(headers: Headers): Range | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(headers.get('range') ?? '') ?? [];
  if (first === undefined || last === undefined || first + last === '') return null;
  if (first === '') return { suffix: bytes(last) };
  if (last === '') return { offset: bytes(first) };
  const length = bytes(last) - bytes(first) + 1;
  return length > 0 ? { offset: bytes(first), length: bytes(length) } : null;
}

function bytes(digits: string | number): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

/** Strong comparison: RFC 9110, 13.1.5. */
function isSame(object: StoredObject, ifRange: string): boolean {
  return ifRange === object.etag || ifRange === object.lastModified.toUTCString();
}

function found<T>(object: T | null, bucket: Bucket, key: string): T {
  if (object === null) throw new StoreError('NoSuchKey', undefined, { bucket: bucket.name, key });
  return object;
}
