// symlink: a key that stands for another key of the bucket. The target need not be there yet.
//
//   get   follows one link: the target's bytes under the link's key
//   head  describes the link itself, as lists do
import type { KnownBucket } from '../context/bucket-directory.ts';
import type { StoreContext } from '../context/store-context.ts';
import { ownObjectRowKey } from '../engine/row-key.ts';
import type { Check, Found, Row, RowKey } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { bucketForWrite, commitObject } from './commit-object.ts';
import { decodeObjectRow, isSymlink } from './object-row.ts';
import { planSymlink } from './put-plan.ts';
import type { StoredObject, SymlinkOptions } from './types.ts';

const nothing = new Uint8Array(0);

export async function putSymlink(
  context: StoreContext,
  bucketName: string,
  key: string,
  target: string,
  options?: SymlinkOptions,
): Promise<StoredObject> {
  checkObjectKey(key); // InvalidObjectName
  checkObjectKey(target); // InvalidObjectName
  const { header, condition, signal } = planSymlink(options, target); // InvalidArgument, ABORTED
  context.enter(); // STORE_CLOSED
  try {
    const bucket =
      context.buckets.known(bucketName) ??
      (await bucketForWrite(context, bucketName, { key, condition, signal })); // NoSuchBucket
    // An empty blob, for its id: every link has an ETag of its own.
    const blob = { bytes: nothing, kek: bucket.kek };
    const object = { key, header, blob, condition, signal };
    return await commitObject(context, bucket, object);
  } finally {
    context.leave();
  }
}

/** A row that may be a link's, and where it is. */
export interface Link {
  readonly key: RowKey;
  readonly row: Row;
}

export async function standingLink(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
): Promise<Link | null> {
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  const found = await context.engine.get({ key: rowKey, check: bucket.check });
  return found === null ? null : { key: rowKey, row: found.row };
}

/** What stands behind a link, and under which key: null for what was no link after all. */
export interface Followed {
  readonly found: Found;
  readonly target: string | null;
}

/**
 * The target as of a moment in which the link names it. `find` reads a key under one check. Null
 * when nothing stands under the link's key; SymlinkTargetNotExist, InvalidTargetType.
 */
export async function followSymlink(
  bucket: KnownBucket,
  key: string,
  readLink: () => Promise<Link | null>,
  find: (key: RowKey, check: Check) => Promise<Found | null>,
): Promise<Followed | null> {
  for (;;) {
    const link = await readLink();
    if (link === null) return null;
    const target = decodeObjectRow(link.row.body).symlinkTarget ?? null;
    const check = { key: link.key, revision: link.row.revision };
    try {
      const end = target === null ? link.key : ownObjectRowKey(bucket.row.id, target);
      const found = await find(end, check);
      if (found === null) throw refused('SymlinkTargetNotExist', bucket, key);
      if (target !== null && isSymlink(found.row.body))
        throw refused('InvalidTargetType', bucket, key);
      return { found, target };
    } catch (error) {
      // The link changed in between: what it is now counts.
      if (!StoreError.is(error, 'PreconditionFailed')) throw error;
    }
  }
}

function refused(
  code: 'SymlinkTargetNotExist' | 'InvalidTargetType',
  { name }: KnownBucket,
  key: string,
): StoreError {
  return new StoreError(code, undefined, { bucket: name, key });
}
