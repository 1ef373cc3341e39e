// remove: one key or many. A key that holds no object counts as removed, as in OSS.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { type StoreContext, underBucket } from '../context/store-context.ts';
import { objectRowKey, ownObjectRowKey } from '../engine/row-key.ts';
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
  for (const key of all) checkObjectKey(key); // InvalidObjectName
  const condition = options === undefined ? null : checkRemoveOptions(options, keys); // ABORTED
  context.enter(); // STORE_CLOSED
  try {
    if (typeof keys !== 'string') return await removeMany(context, bucketName, keys, options);
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
  await underBucket(context, bucketName, ({ checks, row }) => {
    if (signal?.aborted) throw aborted(signal);
    const effect = { key: objectRowKey(row.id, key), delete: true } as const;
    return context.engine.commit({ checks, effects: [effect] });
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
      return await underBucket(context, bucketName, async ({ check, row }) => {
        const rowKey = ownObjectRowKey(row.id, key);
        const found = await context.engine.get({ key: rowKey, check });
        const refusal = writeRefusal(condition, found?.row ?? null, 'remove');
        if (refusal !== null) throw new StoreError(refusal, undefined, { bucket: bucketName, key });
        if (signal?.aborted) throw aborted(signal);
        const unchanged = { key: rowKey, revision: found?.row.revision ?? null };
        const effects = [{ key: rowKey, delete: true }] as const;
        await context.engine.commit({ checks: [check, unchanged], effects });
      });
    } catch (error) {
      // With a key it is our own refusal; without, a check of the commit did not hold.
      if (!StoreError.is(error, 'PreconditionFailed') || error.key !== undefined) throw error;
    }
  }
}

/** In as few commits as fit. After a failed one the rest is not tried: it would fail alike. */
async function removeMany(
  context: StoreContext,
  bucketName: string,
  keys: string[],
  options: RemoveOptions | undefined,
): Promise<RemoveResult> {
  const result: RemoveResult = { removed: [], errors: [] };
  const distinct = [...new Set(keys)];
  await context.buckets.require(bucketName); // NoSuchBucket, also for an empty list
  for (let at = 0; at < distinct.length; at += batchMax) {
    const batch = distinct.slice(at, at + batchMax);
    try {
      await underBucket(context, bucketName, (bucket) => {
        if (options?.signal?.aborted) throw aborted(options.signal);
        return removeBatch(context, bucket, batch);
      });
    } catch (error) {
      if (at === 0 || !StoreError.is(error)) throw error;
      for (const key of distinct.slice(at)) result.errors.push({ key, error });
      break;
    }
    for (const key of batch) result.removed.push({ key });
  }
  return result;
}

function removeBatch(
  context: StoreContext,
  { checks, row }: KnownBucket,
  keys: string[],
): Promise<unknown> {
  const effects = keys.map((key) => ({ key: ownObjectRowKey(row.id, key), delete: true }) as const);
  return context.engine.commit({ checks, effects });
}
