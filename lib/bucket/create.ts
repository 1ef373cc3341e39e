// create: a bucket with an id and a key of its own, if the name is free.
import type { StoreContext } from '../context/store-context.ts';
import { StoreError } from '../errors.ts';
import { booleanOption, checkOptions, checkSignal } from '../options.ts';
import type { CreateBucketOptions } from './types.ts';

const known: ReadonlySet<string> = new Set(['ifNotExists', 'signal', 'versioning']);

export async function createBucket(
  context: StoreContext,
  name: string,
  options: CreateBucketOptions = {},
): Promise<void> {
  checkOptions('createBucket', options, known); // InvalidArgument
  const ifNotExists = booleanOption('createBucket', 'ifNotExists', options.ifNotExists, false);
  const versioned = booleanOption('createBucket', 'versioning', options.versioning, false);
  checkSignal('createBucket', options.signal); // ABORTED
  context.enter(); // STORE_CLOSED
  try {
    const versioning = versioned ? 'Enabled' : 'Unversioned';
    const shape = { storageClass: 'Standard', versioning } as const;
    await context.buckets.create(name, shape, context.now()); // InvalidBucketName
  } catch (error) {
    if (!ifNotExists || !StoreError.is(error, 'BucketAlreadyExists')) throw error;
  } finally {
    context.leave();
  }
}
