// VersioningHandle: what bucket.versioning gives.
import { setVersioning, versioningOf } from '../bucket/versioning.ts';
import type { StoreContext } from '../context/store-context.ts';
import { listObjects } from '../object/list.ts';
import { restoreObject } from '../object/restore.ts';
import { restoreAll } from '../object/restore-all.ts';
import type {
  Listing,
  ListOptions,
  RestoreAllOptions,
  RestorePlan,
  RestoreTo,
  StoredObject,
} from '../object/types.ts';
import type { VersioningState } from '../versioning/next-version.ts';

/** The versions of a bucket's objects: whether they are kept, which there are, and back to them. */
export class VersioningHandle {
  readonly #context: StoreContext;
  readonly #bucket: string;

  /** @internal */
  constructor(context: StoreContext, bucket: string) {
    this.#context = context;
    this.#bucket = bucket;
  }

  /** @throws {StoreError} NoSuchBucket, STORE_CLOSED */
  status(): Promise<VersioningState> {
    return versioningOf(this.#context, this.#bucket);
  }

  /**
   * From now on an object that is replaced or removed stays as a version; a removal adds a delete
   * marker. Objects that are there become the version `null` of their keys.
   *
   * @throws {StoreError} NoSuchBucket, STORE_CLOSED, STORE_READ_ONLY, COMMIT_UNKNOWN
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = await store.createBucket('docs');
   * await docs.versioning.enable();
   * const first = await docs.put('report', 'draft');
   * await docs.put('report', 'final');
   * const draft = await docs.get('report', { versionId: first.versionId });
   * console.log(await draft?.text());
   * await docs.remove('report');
   * await docs.versioning.restore('report', { versionId: first.versionId ?? '' });
   * ```
   */
  enable(): Promise<void> {
    return setVersioning(this.#context, this.#bucket, 'Enabled');
  }

  /**
   * From now on what is written is the version `null` of its key, and replaces the one before.
   * Versions that are there stay. Versioning that was ever enabled is never off again.
   *
   * @throws {StoreError} NoSuchBucket, STORE_CLOSED, STORE_READ_ONLY, COMMIT_UNKNOWN
   */
  suspend(): Promise<void> {
    return setVersioning(this.#context, this.#bucket, 'Suspended');
  }

  /**
   * Every version and delete marker, by key and from the newest to the oldest; of one key, if one
   * is given.
   *
   * @throws {StoreError} when it is iterated: InvalidArgument, InvalidObjectName, NoSuchVersion,
   * NoSuchBucket, ABORTED, STORE_CLOSED
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = await store.createBucket('docs');
   * await docs.versioning.enable();
   * await docs.put('report', 'draft');
   * await docs.remove('report');
   * for await (const { key, versionId, isLatest, isDeleteMarker } of docs.versioning.list())
   *   console.log(key, versionId, isLatest, isDeleteMarker);
   * ```
   */
  list(key?: string, options: Omit<ListOptions, 'versions' | 'at'> = {}): Listing<StoredObject> {
    const listing = { ...options, versions: true };
    return listObjects(this.#context, this.#bucket, listing, key);
  }

  /**
   * The object as it was, once more: a version of its own, with the bytes, headers, metadata and
   * tags of the other. What stood stays as a version. What stands already is left as it is.
   *
   * @throws {StoreError} NoSuchVersion, NoSuchKey, InvalidArgument, InvalidObjectName,
   * NoSuchBucket, STORE_CLOSED, STORE_READ_ONLY, COMMIT_UNKNOWN
   */
  restore(key: string, to: RestoreTo): Promise<StoredObject> {
    return restoreObject(this.#context, this.#bucket, key, to);
  }

  /**
   * Every key under a prefix as it was at a moment, as {@link restore} does it. Versions that were
   * removed for good since then stay away. An abort leaves the keys that were not come to as they
   * are; the same call again goes on.
   *
   * @throws {StoreError} InvalidArgument, InvalidObjectName, NoSuchBucket, ABORTED, STORE_CLOSED,
   * STORE_READ_ONLY, COMMIT_UNKNOWN
   * @example
   * ```ts
   * import { setTimeout } from 'node:timers/promises';
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = await store.createBucket('docs');
   * await docs.versioning.enable();
   * await docs.put('2026/report', 'as it was');
   * const at = new Date();
   * await setTimeout(2);
   * await docs.put('2026/report', 'spoiled');
   * await docs.put('2026/junk', 'junk');
   * const { restored, deleted } = await docs.versioning.restoreAll({ prefix: '2026/', at });
   * console.log(restored, deleted);
   * ```
   */
  restoreAll(options: RestoreAllOptions): Promise<RestorePlan> {
    return restoreAll(this.#context, this.#bucket, options);
  }
}
