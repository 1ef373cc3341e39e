// remove: one key or many. A key that holds no object counts as removed, as in OSS.
import type { KnownBucket } from '../context/bucket-directory.ts';
import type { StoreContext } from '../context/store-context.ts';
import type { Check } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { aborted, checkOptions, checkSignal } from '../options.ts';
import type { NextVersion } from '../versioning/next-version.ts';
import { encodeVersionId, parseVersionId } from '../versioning/version-id.ts';
import { currentCheck, unlessMoved } from './commit-object.ts';
import { type Condition, removeCondition } from './condition.ts';
import { removeVersion } from './remove-version.ts';
import type { RemovedObject, RemoveOptions, RemoveResult } from './types.ts';
import { removalEffects, type VersionSlot, versionSlot } from './version-slot.ts';

const known: ReadonlySet<string> = new Set(['onlyIf', 'signal', 'versionId']);

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
    const { signal, versionId } = options ?? {};
    const removed =
      versionId === undefined
        ? await removeOne(context, bucketName, keys, { condition, signal })
        : await removeVersion(context, bucketName, keys, versionId, signal);
    return { removed: [removed], errors: [] };
  } finally {
    context.leave();
  }
}

function checkRemoveOptions(options: RemoveOptions, keys: string | string[]): Condition | null {
  checkOptions('remove', options, known); // InvalidArgument
  const { onlyIf, versionId } = options;
  for (const name of ['onlyIf', 'versionId'] as const)
    if (options[name] !== undefined && typeof keys !== 'string')
      throw invalidArgument(`remove: ${name} is for one key, not for many`);
  if (versionId !== undefined) parseVersionId('remove', versionId);
  if (versionId !== undefined && onlyIf !== undefined)
    throw invalidArgument('remove: onlyIf is of what stands, versionId names another version');
  const condition = onlyIf === undefined ? null : removeCondition('remove', onlyIf);
  checkSignal('remove', options.signal);
  return condition;
}

/** What must hold at the commit. */
export interface RemovalTerms {
  readonly condition?: Condition | null;
  readonly signal?: AbortSignal | undefined;
  /** Of the bucket: throws. */
  readonly demand?: (bucket: KnownBucket) => void;
}

/** Again when the bucket moved, or what was read. NoSuchBucket, PreconditionFailed, ABORTED. */
export async function removeOne(
  context: StoreContext,
  bucketName: string,
  key: string,
  terms: RemovalTerms,
): Promise<RemovedObject> {
  const { buckets } = context;
  let bucket = buckets.known(bucketName) ?? (await buckets.require(bucketName));
  for (;;) {
    const removed = await unlessMoved(() => removeOnce(context, bucket, key, terms));
    if (removed !== null) return removed;
    bucket = await buckets.require(bucketName);
  }
}

async function removeOnce(
  context: StoreContext,
  bucket: KnownBucket,
  key: string,
  { condition = null, signal, demand }: RemovalTerms,
): Promise<RemovedObject> {
  demand?.(bucket);
  const checks = [...bucket.checks] as Check[];
  if (condition !== null)
    checks.push(await currentCheck(context, bucket, key, condition, 'remove'));
  const slot = await versionSlot(context, bucket, key, 'remove');
  if (signal?.aborted) throw aborted(signal);
  const effects = removalEffects(context, bucket, key, slot);
  const { ranges } = slot;
  checks.push(...slot.checks);
  const { revision } = await context.engine.commit({ checks, ranges, effects });
  return removedAs(key, slot.next, revision);
}

function removedAs(
  key: string,
  { marker, numbered }: NextVersion,
  revision: number,
): RemovedObject {
  if (!marker) return { key };
  return { key, versionId: encodeVersionId(numbered ? revision : null), deleteMarker: true };
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
  const removed = new Map<string, RemovedObject>();
  const removable = [...new Set(keys)].filter((key) => !failures.has(key));
  for (let at = 0; at < removable.length; at += batchMax) {
    const batch = removable.slice(at, at + batchMax);
    try {
      for (const each of await removeBatch(context, bucketName, batch, signal))
        removed.set(each.key, each);
    } catch (error) {
      if (at === 0 || !StoreError.is(error)) throw error;
      for (const key of removable.slice(at)) failures.set(key, error);
      break;
    }
  }
  const result: RemoveResult = { removed: [], errors: [] };
  for (const key of keys) {
    const error = failures.get(key);
    if (error === undefined) result.removed.push(removed.get(key) ?? { key });
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

async function removeBatch(
  context: StoreContext,
  bucketName: string,
  keys: string[],
  signal: AbortSignal | undefined,
): Promise<RemovedObject[]> {
  for (;;) {
    const bucket = await context.buckets.require(bucketName);
    const removed = await unlessMoved(async () => {
      const slots: VersionSlot[] = [];
      for (const key of keys) slots.push(await versionSlot(context, bucket, key, 'remove'));
      if (signal?.aborted) throw aborted(signal);
      const checks = [bucket.check, ...slots.flatMap((slot) => slot.checks)];
      const ranges = slots.flatMap((slot) => slot.ranges);
      const effects = keys.flatMap((key, i) =>
        removalEffects(context, bucket, key, slots[i] as VersionSlot),
      );
      const { revision } = await context.engine.commit({ checks, ranges, effects });
      return keys.map((key, i) => removedAs(key, (slots[i] as VersionSlot).next, revision));
    });
    if (removed !== null) return removed;
  }
}
