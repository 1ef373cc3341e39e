// remove: one key or many. A key that holds no object counts as removed, as in OSS.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { eventOf } from '../context/object-events.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { objectRowKey, ownObjectRowKey } from '../engine/row-key.ts';
import type { EventRow } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkOptions, checkSignal } from '../options.ts';
import { type Condition, removeCondition, writeRefusal } from './condition.ts';
import type { RemoveOptions, RemoveResult } from './types.ts';

const known: ReadonlySet<string> = new Set(['onlyIf', 'signal']);

/** Effects of one transaction: with the longest keys well under the 1 MiB that it may hold. */
const batchMax = 256;

export async function removeObjects(
  context: StoreContext,
  bucketName: string,
  keys: string | string[],
  options?: RemoveOptions,
): Promise<RemoveResult> {
  const all = typeof keys === 'string' ? [keys] : keys;
  if (!Array.isArray(all)) throw new TypeError('remove: give a key or an array of keys');
  for (const key of all)
    if (typeof key !== 'string') throw new TypeError('remove: an object key must be a string');
  const condition = options === undefined ? null : checkRemoveOptions(options, keys); // ABORTED
  if (typeof keys === 'string') checkObjectKey(keys); // InvalidObjectName
  context.enter(); // STORE_CLOSED
  try {
    if (typeof keys !== 'string')
      return await removeMany(context, bucketName, [...keys], options?.signal);
    await removeOne(context, bucketName, keys, condition, options?.signal); // PreconditionFailed
    return { removed: [{ key: keys }], errors: [] };
  } finally {
    context.leave();
  }
}

function checkRemoveOptions(options: RemoveOptions, keys: string | string[]): Condition | null {
  checkOptions('remove', options, known); // InvalidArgument
  const { onlyIf } = options;
  if (onlyIf !== undefined && typeof keys !== 'string')
    throw invalidArgument('remove: onlyIf is for one key, not for many');
  const condition = onlyIf === undefined ? null : removeCondition('remove', onlyIf);
  checkSignal('remove', options.signal);
  return condition;
}

async function removeOne(
  context: StoreContext,
  bucketName: string,
  key: string,
  condition: Condition | null,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (condition !== null) return removeIf(context, bucketName, key, condition, signal);
  await underBucket(context, bucketName, (bucket) => {
    if (signal?.aborted) throw aborted(signal);
    const event = removalOf(context, bucket, key);
    const effect = { key: objectRowKey(bucket.row.id, key), delete: true, event } as const;
    return context.engine.commit({ checks: bucket.checks, effects: [effect] });
  });
}

/** Reads, decides, and removes what it read: again if somebody else was faster. */
async function removeIf(
  context: StoreContext,
  bucketName: string,
  key: string,
  condition: Condition,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    try {
      return await underBucket(context, bucketName, async (bucket) => {
        const { check, row } = bucket;
        const rowKey = ownObjectRowKey(row.id, key);
        const found = await context.engine.get({ key: rowKey, check });
        const refusal = writeRefusal(condition, found?.row ?? null, 'remove');
        if (refusal !== null) throw new StoreError(refusal, undefined, { bucket: bucketName, key });
        if (signal?.aborted) throw aborted(signal);
        const unchanged = { key: rowKey, revision: found?.row.revision ?? null };
        const event = removalOf(context, bucket, key);
        const effects = [{ key: rowKey, delete: true, event }] as const;
        await context.engine.commit({ checks: [check, unchanged], effects });
      });
    } catch (error) {
      // With a key it is our own refusal; without, a check of the commit did not hold.
      if (!StoreError.is(error, 'PreconditionFailed') || error.key !== undefined) throw error;
    }
  }
}

/**
 * In as few commits as fit. What goes wrong is told key by key, in the order of the keys; after a
 * failed commit the rest is not tried, since it would fail alike.
 */
async function removeMany(
  context: StoreContext,
  bucketName: string,
  keys: string[],
  signal: AbortSignal | undefined,
): Promise<RemoveResult> {
  await context.buckets.require(bucketName); // NoSuchBucket, also for an empty list
  const failures = refusedKeys(keys);
  const removable = [...new Set(keys)].filter((key) => !failures.has(key));
  for (let at = 0; at < removable.length; at += batchMax) {
    const batch = removable.slice(at, at + batchMax);
    try {
      await underBucket(context, bucketName, (bucket) => {
        if (signal?.aborted) throw aborted(signal);
        return removeBatch(context, bucket, batch);
      });
    } catch (error) {
      if (at === 0 || !StoreError.is(error)) throw error;
      for (const key of removable.slice(at)) failures.set(key, error);
      break;
    }
  }
  const result: RemoveResult = { removed: [], errors: [] };
  for (const key of keys) {
    const error = failures.get(key);
    if (error === undefined) result.removed.push({ key });
    else result.errors.push({ key, error });
  }
  return result;
}

/** Keys that no object can have; InvalidObjectName for each. */
function refusedKeys(keys: readonly string[]): Map<string, StoreError> {
  const refused = new Map<string, StoreError>();
  for (const key of keys) {
    try {
      checkObjectKey(key);
    } catch (error) {
      if (!StoreError.is(error)) throw error;
      refused.set(key, error);
    }
  }
  return refused;
}

function removeBatch(context: StoreContext, bucket: KnownBucket, keys: string[]): Promise<unknown> {
  const effects = keys.map((key) => {
    const event = removalOf(context, bucket, key);
    return { key: ownObjectRowKey(bucket.row.id, key), delete: true, event } as const;
  });
  return context.engine.commit({ checks: bucket.checks, effects });
}

function removalOf(context: StoreContext, bucket: KnownBucket, key: string): EventRow | undefined {
  if (bucket.eventsUnder === null) return undefined;
  return eventOf(context, bucket, 'ObjectRemoved:Delete', key, context.now());
}
