// create: a bucket with an id and a key of its own, if the name is free.
import type { StoreContext } from '../context/store-context.ts';
import { StoreError } from '../errors.ts';
import { booleanOption, checkOptions, checkSignal } from '../options.ts';
import type { CreateBucketOptions } from './types.ts';

const known: ReadonlySet<string> = new Set(['ifNotExists', 'signal']);

export async function createBucket(
  context: StoreContext,
  name: string,
  options: CreateBucketOptions = {},
): Promise<void> {
  checkOptions('createBucket', options, known); // InvalidArgument
  const ifNotExists = booleanOption('createBucket', 'ifNotExists', options.ifNotExists, false);
  checkSignal('createBucket', options.signal); // ABORTED
  context.enter(); // STORE_CLOSED
  try {
    await context.buckets.create(name, 'Standard', context.now()); // InvalidBucketName
  } catch (error) {
    if (!ifNotExists || !StoreError.is(error, 'BucketAlreadyExists')) throw error;
  } finally {
    context.leave();
  }
}
