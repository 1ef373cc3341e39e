// The shapes a caller of the bucket verbs meets.
import type { StorageClass } from '../context/bucket-row.ts';
import type { ObjectEventType } from '../context/object-events.ts';
import type { VersioningState } from '../versioning/next-version.ts';

export interface CreateBucketOptions {
  /** From its beginning on what is replaced or removed stays as a version. @default false */
  versioning?: boolean | undefined;
  /** An existing bucket of this name will do, as it is. @default false */
  ifNotExists?: boolean | undefined;
  signal?: AbortSignal | undefined;
}
export interface BucketInfo {
  name: string;
  created: Date;
  owner: string;
  storageClass: StorageClass;
  versioning: VersioningState;
  /** Derived: a bucket on one zone reports LRS. */
  redundancy: 'LRS' | 'ZRS';
}
export interface EventsConfig {
  /** The newest that are kept at least, 1 to 100,000. @default 10000 */
  keep?: number | undefined;
}
export interface WatchOptions {
  /** Only keys that begin with this. */
  prefix?: string | undefined;
  /** Only keys that end with this. */
  suffix?: string | undefined;
  /** Only events of these types. @default all */
  type?: readonly ObjectEventType[] | undefined;
  /** Go on behind the event with this id. @default from now on */
  from?: string | undefined;
  signal?: AbortSignal | undefined;
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
