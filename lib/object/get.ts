// get: an object and its bytes, or a range of them, as of one moment; null when there is none.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { objectRowKey, ownObjectRowKey } from '../engine/row-key.ts';
import type { Check, Found } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkOptions, checkSignal, functionOption } from '../options.ts';
import { type Condition, readCondition, readRefusal } from './condition.ts';
import { OpenObject, type Reading } from './object-body.ts';
import { isSymlink } from './object-row.ts';
import { readable } from './parts-reader.ts';
import { type AskedRange, parseRange } from './range.ts';
import { followSymlink } from './symlink.ts';
import type { GetOptions, ObjectBody } from './types.ts';

const known: ReadonlySet<string> = new Set(['range', 'onlyIf', 'onProgress', 'signal']);

export async function getObject(
  context: StoreContext,
  bucketName: string,
  key: string,
  options?: GetOptions,
): Promise<ObjectBody | null> {
  checkObjectKey(key); // InvalidObjectName
  const asked = options === undefined ? null : checkGetOptions(options); // InvalidArgument, ABORTED
  context.enter(); // STORE_CLOSED
  try {
    const range = asked?.range ?? null;
    let found = await underBucket(context, bucketName, (bucket) =>
      find(context, bucket, key, range, bucket.check),
    ); // NoSuchBucket
    let target: string | undefined;
    if (found !== null && isSymlink(found.row.body)) {
      const followed = await underBucket(context, bucketName, (bucket) =>
        followSymlink(context, bucket, key, (end, check) =>
          find(context, bucket, end, range, check),
        ),
      ); // SymlinkTargetNotExist, InvalidTargetType
      found = followed?.found ?? null;
      target = followed?.target ?? undefined;
    }
    if (found === null) return null;
    found = readable(context.engine, found);
    if (asked !== null) requireServable(found, bucketName, key, asked);
    return opened(context, bucketName, key, found, asked, target);
  } finally {
    context.leave();
  }
}

/** What a caller's options ask for, as of the beginning of the call. */
interface Asked extends Reading {
  readonly range: AskedRange | null;
  readonly condition: Condition | null;
}

function opened(
  context: StoreContext,
  bucket: string,
  key: string,
  found: Found,
  asked: Asked | null,
  linkTarget: string | undefined,
): ObjectBody {
  try {
    return new OpenObject(context, bucket, key, found, asked, linkTarget);
  } catch (error) {
    found.reader?.close(); // Nobody else would, and the blob would stay on disk.
    throw error;
  }
}

function checkGetOptions(options: GetOptions): Asked {
  checkOptions('get', options, known);
  const { onlyIf, onProgress, range, signal } = options;
  functionOption('get', 'onProgress', onProgress);
  const condition = onlyIf === undefined ? null : readCondition('get', onlyIf);
  checkSignal('get', signal);
  return { range: range === undefined ? null : parseRange(range), condition, onProgress, signal };
}

function find(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  range: AskedRange | null,
  check: Check,
): Promise<Found | null> {
  const { open, kek } = bucket;
  if (range !== null && 'suffix' in range)
    return findSuffix(context, bucket, key, range.suffix, check);
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
  first: Check,
): Promise<Found | null> {
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  for (;;) {
    const found = await context.engine.get({ key: rowKey, check: first });
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
  { range, condition, signal }: Asked,
): void {
  const refusal = condition === null ? null : readRefusal(condition, found.row);
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
