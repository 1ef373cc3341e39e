// The shapes a caller of the bucket verbs meets.
import type { StorageClass } from '../context/bucket-row.ts';

export interface CreateBucketOptions {
  /** An existing bucket of this name will do. @default false */
  ifNotExists?: boolean | undefined;
  signal?: AbortSignal | undefined;
}
export interface BucketInfo {
  name: string;
  created: Date;
  owner: string;
  storageClass: StorageClass;
  /** Derived: a bucket on one zone reports LRS. */
  redundancy: 'LRS' | 'ZRS';
}
export interface DeleteBucketOptions {
  /**
   * Remove the bucket's objects first. Where others put new ones all the while, the call ends with
   * BucketNotEmpty.
   * @default false
   */
  force?: boolean | undefined;
  signal?: AbortSignal | undefined;
}
