// changeRow: another row for a bucket, whoever else changes it meanwhile. It moves the row that
// every commit checks: from that commit on nothing under the bucket is done by its old terms.
import { type KnownBucket, noSuchBucket } from '../context/bucket-directory.ts';
import { type BucketRow, encodeBucketRow } from '../context/bucket-row.ts';
import type { StoreContext } from '../context/store-context.ts';
import type { Effect } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';

/** What becomes of it, and what changes in the same commit. */
export interface RowChange {
  readonly row: BucketRow;
  readonly effects: readonly Effect[];
}

/**
 * `change` is asked again when the bucket moved; null: it is as it is to be. The revision of the
 * commit, or null. NoSuchBucket, also for another bucket of the name.
 */
export async function changeRow(
  context: StoreContext,
  name: string,
  change: (bucket: KnownBucket, now: number) => RowChange | null,
): Promise<{ id: Uint8Array; revision: number | null }> {
  const first = await context.buckets.require(name);
  for (let bucket = first; ; bucket = await context.buckets.require(name)) {
    const { id } = bucket.row;
    if (!bucket.isSame(first)) throw noSuchBucket(name);
    const modified = context.now();
    const changed = change(bucket, modified);
    if (changed === null) return { id, revision: null };
    const body = encodeBucketRow(changed.row);
    const effects: Effect[] = [{ key: bucket.check.key, modified, body }, ...changed.effects];
    try {
      const { revision } = await context.engine.commit({ checks: bucket.checks, effects });
      await context.buckets.require(name);
      return { id, revision };
    } catch (error) {
      if (!StoreError.is(error, 'PreconditionFailed')) throw error;
    }
  }
}
