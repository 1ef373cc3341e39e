// Bucket names, by the rules of OSS: 3 to 63 of a-z, 0-9 and hyphen, no hyphen at either end.
import { StoreError } from '../errors.ts';

const pattern = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

/** Throws TypeError for what is no string and InvalidBucketName for what is no bucket name. */
export function checkBucketName(name: string): void {
  if (typeof name !== 'string') throw new TypeError('a bucket name must be a string');
  if (!pattern.test(name))
    throw new StoreError('InvalidBucketName', undefined, {
      bucket: JSON.stringify(name.slice(0, 100)),
    });
}
