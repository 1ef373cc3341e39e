// get: an object and its bytes, or a range of them, as of one moment; null when there is none.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { objectRowKey, ownObjectRowKey } from '../engine/row-key.ts';
import type { Found } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkOptions, checkSignal, functionOption } from '../options.ts';
import { checkGetCondition, readRefusal } from './condition.ts';
import { OpenObject } from './object-body.ts';
import { type AskedRange, parseRange } from './range.ts';
import type { GetOptions, ObjectBody } from './types.ts';

const known: ReadonlySet<string> = new Set(['range', 'onlyIf', 'onProgress', 'signal']);

export async function getObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  options?: GetOptions,
): Promise<ObjectBody | null> {
  checkObjectKey(key); // InvalidObjectName
  const range = options === undefined ? null : checkGetOptions(options); // InvalidArgument, ABORTED
  context.enter(); // STORE_CLOSED
  try {
    const found = await underBucket(context, bucketName, (bucket) =>
      find(context, bucket, key, range),
    ); // NoSuchBucket
    if (found === null) return null;
    if (options !== undefined) requireServable(found, bucketName, key, range, options);
    return new OpenObject(context, bucketName, key, found, options);
  } finally {
    context.leave();
  }
}

function checkGetOptions(options: GetOptions): AskedRange | null {
  checkOptions('get', options, known);
  functionOption('get', 'onProgress', options.onProgress);
  if (options.onlyIf !== undefined) checkGetCondition(options.onlyIf);
  checkSignal('get', options.signal);
  return options.range === undefined ? null : parseRange(options.range);
}

function find(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  range: AskedRange | null,
): Promise<Found | null> {
  const { check, open, kek } = bucket;
  if (range !== null && 'suffix' in range) return findSuffix(context, bucket, key, range.suffix);
  const rowKey = objectRowKey(bucket.row.id, key);
  if (range === null) return context.engine.get({ key: rowKey, check, open });
  const { offset, length } = range;
  const part = length === undefined ? { kek, offset } : { kek, offset, length };
  return context.engine.get({ key: rowKey, check, open: part });
}

/** Where a suffix begins is known only with the size, so the row is read first. */
async function findSuffix(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  suffix: number,
): Promise<Found | null> {
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  for (;;) {
    const found = await context.engine.get({ key: rowKey, check: bucket.check });
    const size = found?.row.blob?.size ?? 0;
    // An empty suffix, or one of an empty object, is no range: requireServable says so.
    if (found === null || Math.min(size, suffix) === 0) return found;
    const open = { kek: bucket.kek, offset: Math.max(size - suffix, 0) };
    try {
      const check = { key: rowKey, revision: found.row.revision };
      return await context.engine.get({ key: rowKey, check, open });
    } catch (error) {
      // The object changed in between: its new size counts.
      if (!StoreError.is(error, 'PreconditionFailed')) throw error;
    }
  }
}

/** Lets go of what was found when it must not be served. */
function requireServable(
  found: Found,
  bucket: string,
  key: string,
  range: AskedRange | null,
  { onlyIf, signal }: GetOptions,
): void {
  const refusal = onlyIf === undefined ? null : readRefusal(onlyIf, found.row);
  if (refusal === null && !signal?.aborted && (range === null || lies(range, found))) return;
  found.reader?.close();
  if (signal?.aborted) throw aborted(signal);
  throw new StoreError(refusal ?? 'InvalidRange', undefined, { bucket, key });
}

/** A range must begin inside the object. */
function lies(range: AskedRange, { row }: Found): boolean {
  const size = row.blob?.size ?? 0;
  return 'suffix' in range ? Math.min(range.suffix, size) > 0 : range.offset < size;
}
