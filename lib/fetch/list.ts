// GET of a bucket: one page of its listing as JSON.
import { invalidArgument } from '../errors.ts';
import type { Bucket, ListOptions } from '../index.ts';

const known = new Set(['prefix', 'delimiter', 'cursor', 'limit']);
const limitMax = 1000;

/** @throws {StoreError} InvalidArgument */
export function listOptionsOf(query: URLSearchParams): ListOptions {
  for (const name of query.keys())
    if (!known.has(name)) throw invalidArgument(`list: unknown parameter ${JSON.stringify(name)}`);
  const options: ListOptions = {
    prefix: query.get('prefix') ?? undefined,
    delimiter: query.get('delimiter') ?? undefined,
    cursor: query.get('cursor') ?? undefined,
    limit: Number(query.get('limit') ?? limitMax),
  };
  if (!(Number.isInteger(options.limit) && options.limit! >= 1 && options.limit! <= limitMax))
    throw invalidArgument(`list: limit must be an integer from 1 to ${limitMax}`);
  return options;
}

export async function listBucket(bucket: Bucket, options: ListOptions): Promise<Response> {
  for await (const { objects, prefixes, cursor, truncated } of bucket.list(options).pages()) {
    const found = objects.map(({ key, size, etag, lastModified, contentType }) => ({
      key,
      size,
      etag,
      lastModified,
      contentType,
    }));
    return Response.json({ objects: found, prefixes, truncated, cursor });
  }
  return Response.json({ objects: [], prefixes: [], truncated: false });
}
