// symlink: a key that stands for another key of the bucket. The target need not be there yet.
//
//   get   follows one link: the target's bytes under the link's key
//   head  describes the link itself, as lists do
import type { KnownBucket } from '../context/bucket-directory.ts';
import type { StoreContext } from '../context/store-context.ts';
import { ownObjectRowKey } from '../engine/row-key.ts';
import type { Check, Found } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { bucketForWrite, commitObject } from './commit-object.ts';
import { decodeObjectRow, isSymlink } from './object-row.ts';
import { ObjectView, RowEntry } from './object-view.ts';
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
    const row = await commitObject(context, bucket, { key, header, blob, condition, signal });
    return new ObjectView(bucketName, new RowEntry(key, row), 0);
  } finally {
    context.leave();
  }
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
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  find: (key: string, check: Check) => Promise<Found | null>,
): Promise<Followed | null> {
  const linkKey = ownObjectRowKey(bucket.row.id, key);
  for (;;) {
    const link = await context.engine.get({ key: linkKey, check: bucket.check });
    if (link === null) return null;
    const target = decodeObjectRow(link.row.body).symlinkTarget ?? null;
    const check = { key: linkKey, revision: link.row.revision };
    try {
      const found = await find(target ?? key, check);
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
