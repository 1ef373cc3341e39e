// PUT and DELETE of one object.
import { invalidArgument, StoreError } from '../errors.ts';
import type { Bucket, PutOptions } from '../index.ts';
import { contentOptions } from '../object/content-headers.ts';

const metadataPrefix = 'x-oss-meta-';

/**
 * Stores the body as it arrives. A bucket is never made by a request.
 * @throws {StoreError} NoSuchBucket, and what put throws
 */
export async function writeObject(
  bucket: Bucket,
  key: string,
  request: Request,
): Promise<Response> {
  const { headers, signal } = request;
  const options = { ...optionsOf(headers), onlyIf: headers, signal };
  if (!(await bucket.exists()))
    throw new StoreError('NoSuchBucket', undefined, { bucket: bucket.name });
  const object = await bucket.put(key, request.body as never, options);
  return new Response(null, {
    headers: {
      'content-length': '0',
      etag: object.etag,
      'last-modified': object.lastModified.toUTCString(),
      'x-oss-hash-crc64ecma': object.checksums.crc64,
    },
  });
}

/** A missing object counts as removed. */
export async function removeObject(
  bucket: Bucket,
  key: string,
  request: Request,
): Promise<Response> {
  await bucket.remove(key, { onlyIf: request.headers, signal: request.signal });
  return new Response(null, { status: 204 });
}

function optionsOf(headers: Headers): PutOptions {
  // RFC 9110, 14.4: a part must not be taken for the whole.
  if (headers.has('content-range'))
    throw invalidArgument('put: Content-Range: parts are not taken');
  return {
    ...contentOptions(headers),
    metadata: metadataOf(headers),
    // A connection that breaks early has sent less.
    size: length(headers.get('content-length')),
    checksum: { md5: headers.get('content-md5') ?? undefined },
  };
}

function length(digits: string | null): number | undefined {
  if (digits === null) return undefined;
  if (!/^\d+$/.test(digits)) throw invalidArgument('put: Content-Length is no number');
  return Number(digits);
}

function metadataOf(headers: Headers): Record<string, string> {
  const metadata: [string, string][] = [];
  for (const [name, value] of headers)
    if (name.startsWith(metadataPrefix)) metadata.push([name.slice(metadataPrefix.length), value]);
  return Object.fromEntries(metadata);
}
