// get: an object and its bytes, or a range of them, as of one moment; null when there is none.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { objectRowKey } from '../engine/row-key.ts';
import type { Check, Found, RowKey } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkOptions, checkSignal, functionOption } from '../options.ts';
import { unlessMoved } from './commit-object.ts';
import { type Condition, readCondition, readRefusal } from './condition.ts';
import { findVersion, type WantedVersion } from './find-version.ts';
import { OpenObject, type Reading } from './object-body.ts';
import { isSymlink } from './object-row.ts';
import { readable } from './parts-reader.ts';
import { type AskedRange, parseRange } from './range.ts';
import { followSymlink, type Link, standingLink } from './symlink.ts';
import type { GetOptions, ObjectBody } from './types.ts';
import { readableVersion, wantedVersion } from './wanted-version.ts';

const known: ReadonlySet<string> = new Set([
  'range',
  'onlyIf',
  'onProgress',
  'signal',
  'versionId',
  'at',
]);

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
    const wanted = asked?.wanted ?? null;
    let reached = await underBucket(context, bucketName, (bucket) =>
      wanted === null
        ? findStanding(context, bucket, key, range)
        : findWanted(context, bucket, key, range, wanted),
    ); // NoSuchBucket, NoSuchVersion, MethodNotAllowed
    if (reached.found !== null && isSymlink(reached.found.row.body))
      reached = await underBucket(context, bucketName, (bucket) =>
        follow(context, bucket, key, range, wanted),
      ); // SymlinkTargetNotExist, InvalidTargetType
    if (reached.found === null) return null;
    const found = readable(context.engine, reached.found);
    if (asked !== null) requireServable(found, bucketName, key, asked);
    return opened(context, reached.bucket, key, found, asked, reached.target);
  } finally {
    context.leave();
  }
}

/** What a caller's options ask for, as of the beginning of the call. */
interface Asked extends Reading {
  readonly range: AskedRange | null;
  readonly condition: Condition | null;
  /** Null: what stands. */
  readonly wanted: WantedVersion | null;
}

/** What a get has come to. */
interface Reached {
  readonly bucket: KnownBucket;
  readonly found: Found | null;
  /** The key behind a link. */
  readonly target?: string | undefined;
}

async function findStanding(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  range: AskedRange | null,
): Promise<Reached> {
  const rowKey = objectRowKey(bucket.row.id, key);
  return { bucket, found: await find(context, bucket, rowKey, range, bucket.check) };
}

/** Again while it goes from where it was found. */
async function findWanted(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  range: AskedRange | null,
  wanted: WantedVersion,
): Promise<Reached> {
  for (;;) {
    const version = await findVersion(context, bucket, key, wanted);
    const readable = readableVersion(version, wanted, { bucket: bucket.name, key });
    if (readable === null) return { bucket, found: null };
    const check = { key: readable.key, revision: readable.row.revision };
    const found = await unlessMoved(() => find(context, bucket, readable.key, range, check));
    if (found !== null) return { bucket, found };
  }
}

/** A link of a version names what stands under its target now. */
async function follow(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  range: AskedRange | null,
  wanted: WantedVersion | null,
): Promise<Reached> {
  const link = async (): Promise<Link | null> => {
    if (wanted === null) return standingLink(context, bucket, key);
    const version = await findVersion(context, bucket, key, wanted);
    return readableVersion(version, wanted, { bucket: bucket.name, key });
  };
  const followed = await followSymlink(bucket, key, link, (end, check) =>
    find(context, bucket, end, range, check),
  );
  return { bucket, found: followed?.found ?? null, target: followed?.target ?? undefined };
}

function opened(
  context: StoreContext,
  bucket: KnownBucket,
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
  const wanted = wantedVersion('get', options);
  const parsed = range === undefined ? null : parseRange(range);
  return { range: parsed, condition, wanted, onProgress, signal };
}

function find(
  context: StoreContext,
  bucket: KnownBucket,
  rowKey: RowKey,
  range: AskedRange | null,
  check: Check,
): Promise<Found | null> {
  const { open, kek } = bucket;
  if (range !== null && 'suffix' in range)
    return findSuffix(context, bucket, Uint8Array.from(rowKey), range.suffix, check);
  if (range === null) return context.engine.get({ key: rowKey, check, open });
  const { offset, length } = range;
  const part = length === undefined ? { kek, offset } : { kek, offset, length };
  return context.engine.get({ key: rowKey, check, open: part });
}

/** Where a suffix begins is known only with the size, so the row is read first. */
async function findSuffix(
  context: StoreContext,
  bucket: KnownBucket,
  rowKey: RowKey,
  suffix: number,
  first: Check,
): Promise<Found | null> {
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
