// info and exists: what is known of a bucket, read anew each time.
import type { KnownBucket } from '../context/bucket-directory.ts';
import type { BucketRow } from '../context/bucket-row.ts';
import type { StoreContext } from '../context/store-context.ts';
import type { BucketInfo } from './types.ts';

export async function bucketInfo(context: StoreContext, name: string): Promise<BucketInfo> {
  context.enter(); // STORE_CLOSED
  try {
    const bucket: KnownBucket = await context.buckets.require(name); // NoSuchBucket
    return describe(context, name, bucket.row);
  } finally {
    context.leave();
  }
}

export async function bucketExists(context: StoreContext, name: string): Promise<boolean> {
  context.enter(); // STORE_CLOSED
  try {
    return (await context.buckets.find(name)) !== null; // InvalidBucketName
  } finally {
    context.leave();
  }
}

export function describe(context: StoreContext, name: string, row: BucketRow): BucketInfo {
  const { created, owner, storageClass, versioning } = row;
  const redundancy = context.engine.status().zones.length > 1 ? 'ZRS' : 'LRS';
  return { name, created: new Date(created), owner, storageClass, versioning, redundancy };
}
