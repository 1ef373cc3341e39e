// The commit of one object: its row and its blob, under the checks that make every decision before
// it safe.
import { type KnownBucket, noSuchBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import type { StoreContext } from '../context/store-context.ts';
import { objectRowKey, ownObjectRowKey } from '../engine/row-key.ts';
import type { Check, NewBlob, Row } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { aborted } from '../options.ts';
import { type Condition, writeRefusal } from './condition.ts';
import { asVersion } from './object-row.ts';
import { ObjectView, RowEntry } from './object-view.ts';
import { slotMayMove, versionSlot } from './version-slot.ts';

/** An object that is whole but for its commit. */
export interface SealedObject {
  readonly key: string;
  /** The body of the row. */
  readonly header: Uint8Array;
  readonly blob: NewBlob;
  readonly condition: Condition | null;
  readonly signal: AbortSignal | undefined;
}

/**
 * The object as it stands then. A bucket that moved meanwhile is read again and the commit
 * repeated, without a second upload. A blob that no commit took is disposed.
 */
export async function commitObject(
  context: StoreContext,
  bucket: KnownBucket,
  object: SealedObject,
): Promise<ObjectView> {
  let { blob } = object;
  try {
    for (;;) {
      try {
        const row = await commitOnce(context, bucket, object, blob);
        return new ObjectView(bucket, new RowEntry(object.key, row), 0);
      } catch (error) {
        if (!StoreError.is(error, 'PreconditionFailed') || error.key !== undefined) throw error;
        const now = await bucketNow(context, bucket, object, blob); // NoSuchBucket
        const moved = now.check.revision !== bucket.check.revision;
        // Neither the bucket nor an object that counts can have moved: not our refusal.
        if (!moved && object.condition === null && !slotMayMove(now, 'put')) throw error;
        if ('bytes' in blob) blob = { bytes: blob.bytes, kek: now.kek };
        bucket = now;
      }
    }
  } finally {
    // A commit that took the blob has made this a no-op; else every trace of the upload goes.
    if ('dispose' in blob) await blob.dispose();
  }
}

/**
 * For writes: a missing bucket is made, where the store allows it, but not for an object that
 * cannot come to be. NoSuchBucket, ABORTED, PreconditionFailed.
 */
export async function bucketForWrite(
  context: StoreContext,
  name: string,
  { key, condition, signal }: Pick<SealedObject, 'key' | 'condition' | 'signal'>,
): Promise<KnownBucket> {
  if (!context.autoCreateBuckets) return context.buckets.require(name);
  const found = await context.buckets.find(name);
  if (found !== null) return found;
  if (signal?.aborted) throw aborted(signal);
  const refusal = condition === null ? null : writeRefusal(condition, null);
  if (refusal !== null) throw new StoreError(refusal, undefined, { bucket: name, key });
  return context.buckets.requireOrCreate(name, context.now());
}

/** The bucket after a refused commit. What was sealed for a bucket that is gone fits no other. */
async function bucketNow(
  context: StoreContext,
  bucket: KnownBucket,
  object: SealedObject,
  blob: NewBlob,
): Promise<KnownBucket> {
  if ('bytes' in blob) return bucketForWrite(context, bucket.name, object);
  const now = await context.buckets.require(bucket.name);
  if (!now.isSame(bucket)) throw noSuchBucket(bucket.name);
  return now;
}

async function commitOnce(
  context: StoreContext,
  bucket: KnownBucket,
  { key, header, condition, signal }: SealedObject,
  blob: NewBlob,
): Promise<Row> {
  let checks: readonly Check[] = bucket.checks;
  if (condition !== null)
    checks = [bucket.check, await currentCheck(context, bucket, key, condition)];
  const asked = versionSlot(context, bucket, key, 'put');
  const slot = asked instanceof Promise ? await asked : asked; // No turn more for most puts.
  // The last moment to stop: what is committed stays, whatever the signal says.
  if (signal?.aborted) throw aborted(signal);
  const modified = context.now();
  const body = asVersion(header, slot.next);
  const { keepOld } = slot.next;
  const event = eventOf(context, bucket, 'ObjectCreated:Put', key, modified);
  if (slot.checks.length > 0) checks = [...checks, ...slot.checks];
  const object = { key: objectRowKey(bucket.row.id, key), modified, body, blob, keepOld, event };
  const { revision, blobs } = await context.engine.commit({
    checks,
    ranges: slot.ranges,
    effects: slot.effects.length === 0 ? [object] : [object, ...slot.effects],
  });
  return { revision, version: revision, modified, body, blob: blobs[0] ?? null };
}

/** Null when something that was read, or the bucket, moved before the commit. */
export async function unlessMoved<T>(attempt: () => Promise<T>): Promise<T | null> {
  try {
    return await attempt();
  } catch (error) {
    // With a key it is our own refusal; without, a check did not hold.
    if (!StoreError.is(error, 'PreconditionFailed') || error.key !== undefined) throw error;
    return null;
  }
}

/** The check that holds while the condition does; its refusal, with the key, when it does not. */
export async function currentCheck(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  condition: Condition,
  verb: 'put' | 'remove' = 'put',
): Promise<Check> {
  const rowKey = ownObjectRowKey(bucket.row.id, key);
  const found = await context.engine.get({ key: rowKey, check: bucket.check });
  const refusal = writeRefusal(condition, found?.row ?? null, verb);
  if (refusal !== null) throw new StoreError(refusal, undefined, { bucket: bucket.name, key });
  return { key: rowKey, revision: found?.row.revision ?? null };
}
