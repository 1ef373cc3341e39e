// Versioning of a bucket: whether what is replaced or removed stays. Once on, it is suspended at
// most, never off: versions that are there stay what they are.

import { noSuchBucket } from '../context/bucket-directory.ts';
import { encodeBucketRow } from '../context/bucket-row.ts';
import type { StoreContext } from '../context/store-context.ts';
import { StoreError } from '../errors.ts';
import type { VersioningState } from '../versioning/next-version.ts';

export async function versioningOf(context: StoreContext, name: string): Promise<VersioningState> {
  return context.step(async () => (await context.buckets.require(name)).row.versioning);
}

/** NoSuchBucket. */
export async function setVersioning(
  context: StoreContext,
  name: string,
  versioning: 'Enabled' | 'Suspended',
): Promise<void> {
  await context.step(async () => {
    const first = await context.buckets.require(name);
    for (let bucket = first; ; bucket = await context.buckets.require(name)) {
      const { row, check, checks } = bucket;
      if (!bucket.isSame(first)) throw noSuchBucket(name);
      if (row.versioning === versioning) return;
      const body = encodeBucketRow({ ...row, versioning });
      const effects = [{ key: check.key, modified: context.now(), body }];
      try {
        await context.engine.commit({ checks, effects });
        await context.buckets.require(name);
        return;
      } catch (error) {
        if (!StoreError.is(error, 'PreconditionFailed')) throw error;
      }
    }
  });
}
