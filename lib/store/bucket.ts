// Bucket: the handle a caller holds. It owns nothing; each method is one verb of bucket/ or
// object/, told to whoever traces it.
import type { TracingChannel } from 'node:diagnostics_channel';
import { deleteBucket } from '../bucket/delete.ts';
import { bucketExists, bucketInfo } from '../bucket/info.ts';
import type { BucketInfo, DeleteBucketOptions, WatchOptions } from '../bucket/types.ts';
import { watchObjects } from '../bucket/watch.ts';
import { type TraceContext, verbChannel } from '../context/events.ts';
import type { ObjectEvent } from '../context/object-events.ts';
import type { StoreContext } from '../context/store-context.ts';
import { appendObject } from '../object/append.ts';
import { copyObject, moveObject } from '../object/copy.ts';
import { getObject } from '../object/get.ts';
import { hasObject, headObject } from '../object/head.ts';
import { listObjects } from '../object/list.ts';
import { createUpload, listUploads, sweepUploads } from '../object/multipart.ts';
import { putObject } from '../object/put.ts';
import { PutStream } from '../object/put-stream.ts';
import { removeObjects } from '../object/remove.ts';
import { putSymlink } from '../object/symlink.ts';
import type {
  AppendOptions,
  Body,
  CopyOptions,
  GetOptions,
  HasOptions,
  HeadOptions,
  Listing,
  ListOptions,
  ObjectBody,
  ObjectRef,
  ObjectWriteStream,
  PutOptions,
  RemoveOptions,
  RemoveResult,
  StoredObject,
  SymlinkOptions,
  UploadInfo,
  UploadOptions,
} from '../object/types.ts';
import { EventsHandle } from './events-handle.ts';
import { MultipartUpload } from './multipart-upload.ts';
import { ObjectFile } from './object-file.ts';
import type { Store } from './store.ts';
import { TagsHandle } from './tags-handle.ts';
import { VersioningHandle } from './versioning-handle.ts';

const putChannel = verbChannel('object.put');
const symlinkChannel = verbChannel('object.symlink');
const getChannel = verbChannel('object.get');
const headChannel = verbChannel('object.head');
const removeChannel = verbChannel('object.remove');

/**
 * A handle on a bucket, which may or may not exist: making a handle does no I/O and never fails.
 * Every failure of a method arrives as a rejection.
 *
 * Get one from {@link Store.bucket}.
 */
export class Bucket {
  readonly name: string;
  readonly store: Store;
  /** The tags of its objects. */
  readonly tags: TagsHandle;
  /** Their versions. */
  readonly versioning: VersioningHandle;
  readonly #context: StoreContext;

  /** @internal */
  constructor(store: Store, context: StoreContext, name: string) {
    this.store = store;
    this.name = name;
    this.tags = new TagsHandle(context, name);
    this.versioning = new VersioningHandle(context, name);
    this.#context = context;
  }

  /**
   * Name, owner and age of the bucket.
   * @throws {StoreError} NoSuchBucket, InvalidBucketName, STORE_CLOSED
   */
  info(): Promise<BucketInfo> {
    return bucketInfo(this.#context, this.name);
  }

  /**
   * Whether the bucket exists.
   * @throws {StoreError} InvalidBucketName, STORE_CLOSED
   */
  exists(): Promise<boolean> {
    return bucketExists(this.#context, this.name);
  }

  /**
   * Deletes the bucket, which must be empty unless `force` removes its objects first.
   * @throws {StoreError} NoSuchBucket, BucketNotEmpty, InvalidBucketName, ABORTED, STORE_CLOSED
   */
  delete(options?: DeleteBucketOptions): Promise<void> {
    return deleteBucket(this.#context, this.name, options);
  }

  /**
   * Stores a body of any kind and length in bounded memory. When the promise resolves the object is
   * durable in every zone of the set; a put that fails or is aborted leaves nothing, and the object
   * that stood there before stays.
   *
   * @throws {TypeError} the body has no bytes in it
   * @throws {StoreError} InvalidObjectName, InvalidArgument, InvalidTag, TooManyTags,
   * IncompleteBody, InvalidDigest, InvalidCRC64, FileAlreadyExists, PreconditionFailed,
   * NotImplemented, NoSuchBucket, EntityTooLarge, ABORTED, STORE_CLOSED, STORE_FULL,
   * STORE_READ_ONLY, COMMIT_UNKNOWN
   * @example
   * ```ts
   * import { createReadStream } from 'node:fs';
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = store.bucket('docs');
   * await docs.put('hello.txt', 'hi', { contentType: 'text/plain' });
   * await docs.put('program.js', createReadStream(new URL(import.meta.url)), {
   *   metadata: { author: 'me' },
   *   onProgress: ({ loaded }) => console.error(`${loaded} bytes`),
   * });
   * ```
   */
  put(key: string, body: Body, options?: PutOptions): Promise<StoredObject> {
    if (!putChannel.hasSubscribers) return putObject(this.#context, this.name, key, body, options);
    return this.#traced(putChannel, key, () =>
      putObject(this.#context, this.name, key, body, options),
    );
  }

  /**
   * Stores a link to another key of the bucket, which need not be there yet. {@link get} follows
   * it, one link deep; {@link head} and lists describe the link itself.
   * @throws {StoreError} InvalidObjectName, InvalidArgument, InvalidTag, TooManyTags,
   * FileAlreadyExists, PreconditionFailed, NotImplemented, NoSuchBucket, ABORTED, STORE_CLOSED,
   * STORE_FULL, STORE_READ_ONLY, COMMIT_UNKNOWN
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = store.bucket('docs');
   * await docs.put('v2.txt', 'hi');
   * await docs.symlink('latest.txt', 'v2.txt');
   * const body = await docs.get('latest.txt');
   * console.log(await body?.text(), body?.symlinkTarget);
   * ```
   */
  symlink(key: string, target: string, options?: SymlinkOptions): Promise<StoredObject> {
    const put = () => putSymlink(this.#context, this.name, key, target, options);
    return symlinkChannel.hasSubscribers ? this.#traced(symlinkChannel, key, put) : put();
  }

  /**
   * Opens an object for reading, whole or a range; null when there is none.
   *
   * @throws {StoreError} InvalidObjectName, InvalidArgument, InvalidRange, NotModified,
   * PreconditionFailed, SymlinkTargetNotExist, InvalidTargetType, NoSuchBucket, ABORTED,
   * STORE_CLOSED, STORE_CORRUPT, DECRYPT_FAILED
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = store.bucket('docs');
   * await docs.put('hello.txt', 'hello world');
   * const all = await docs.get('hello.txt');
   * console.log(await all?.text());
   * const end = await docs.get('hello.txt', { range: { suffix: 5 } });
   * for await (const bytes of end ?? []) console.log(bytes.length);
   * ```
   */
  get(key: string, options?: GetOptions): Promise<ObjectBody | null> {
    if (!getChannel.hasSubscribers) return getObject(this.#context, this.name, key, options);
    return this.#traced(getChannel, key, () => getObject(this.#context, this.name, key, options));
  }

  /**
   * What is known of an object, without its bytes; null when there is none.
   * @throws {StoreError} InvalidObjectName, InvalidArgument, NotModified, PreconditionFailed,
   * NoSuchBucket, ABORTED, STORE_CLOSED
   */
  head(key: string, options?: HeadOptions): Promise<StoredObject | null> {
    if (!headChannel.hasSubscribers) return headObject(this.#context, this.name, key, options);
    return this.#traced(headChannel, key, () => headObject(this.#context, this.name, key, options));
  }

  /**
   * Whether there is an object under this key.
   * @throws {StoreError} InvalidObjectName, InvalidArgument, NoSuchBucket, ABORTED, STORE_CLOSED
   */
  has(key: string, options?: HasOptions): Promise<boolean> {
    return hasObject(this.#context, this.name, key, options);
  }

  /**
   * Removes one object or many, as many as there are. A key that holds no object counts as removed.
   * Of many keys, those that are not valid come back in `errors` and the others go, in commits of
   * 256; when one fails after the first, `errors` names the keys that are still there.
   * @throws {StoreError} InvalidObjectName, InvalidArgument, PreconditionFailed, NoSuchBucket,
   * ABORTED, STORE_CLOSED, STORE_READ_ONLY, COMMIT_UNKNOWN
   */
  remove(key: string | string[], options?: RemoveOptions): Promise<RemoveResult> {
    if (!removeChannel.hasSubscribers) return removeObjects(this.#context, this.name, key, options);
    return this.#traced(removeChannel, typeof key === 'string' ? key : undefined, () =>
      removeObjects(this.#context, this.name, key, options),
    );
  }

  /**
   * Copies an object, from this bucket or another one. The sealed bytes stay where they are: a copy
   * of a large object costs as little as one of a small object. Onto itself only with new metadata
   * or tags.
   *
   * @throws {StoreError} NoSuchKey, NoSuchBucket, InvalidObjectName, InvalidArgument,
   * FileAlreadyExists, PreconditionFailed, ABORTED, STORE_CLOSED, STORE_READ_ONLY, COMMIT_UNKNOWN
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = store.bucket('docs');
   * await docs.put('draft.txt', 'hello', { metadata: { state: 'draft' } });
   * await docs.copy('draft.txt', 'final.txt', { metadata: { state: 'final' } });
   * await store.bucket('archive').copy({ bucket: 'docs', key: 'final.txt' }, '2026/final.txt');
   * ```
   */
  copy(from: ObjectRef, to: ObjectRef, options?: CopyOptions): Promise<StoredObject> {
    return copyObject(this.#context, this.name, from, to, options);
  }

  /**
   * Gives an object another key, in one commit: nobody ever sees both or neither.
   * @throws {StoreError} as copy()
   */
  move(from: string, to: string, options?: CopyOptions): Promise<StoredObject> {
    return moveObject(this.#context, this.name, from, to, options);
  }

  /**
   * Adds a body to the end of an object, or begins one. With `position` only if the object ends
   * there. Such objects are of type Appendable; others do not grow.
   *
   * @throws {TypeError} the body has no bytes in it
   * @throws {StoreError} ObjectNotAppendable, PositionNotEqualToLength, InvalidObjectName,
   * InvalidArgument, IncompleteBody, NoSuchBucket, PreconditionFailed, ABORTED, STORE_CLOSED,
   * STORE_FULL, STORE_READ_ONLY, COMMIT_UNKNOWN
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const logs = store.bucket('logs');
   * await logs.append('today.log', 'one\n', { contentType: 'text/plain' });
   * const { size } = await logs.append('today.log', 'two\n');
   * await logs.append('today.log', 'three\n', { position: size });
   * ```
   */
  append(key: string, body: Body, options?: AppendOptions): Promise<StoredObject> {
    return appendObject(this.#context, this.name, key, body, options);
  }

  /**
   * Begins an upload in parts: in any order, in parallel, over days and restarts.
   *
   * @throws {StoreError} InvalidObjectName, InvalidArgument, InvalidTag, TooManyTags, NoSuchBucket,
   * ABORTED, STORE_CLOSED, STORE_READ_ONLY
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const media = store.bucket('media');
   * const upload = await media.upload('film.raw', { contentType: 'video/raw' });
   * await upload.part(2, 'the end');
   * await upload.part(1, new Uint8Array(200_000));
   * console.log((await upload.complete()).size);
   * ```
   */
  async upload(key: string, options?: UploadOptions): Promise<MultipartUpload> {
    const uploadId = await createUpload(this.#context, this.name, key, options);
    return new MultipartUpload(this.#context, { bucket: this.name, key, uploadId });
  }

  /** A handle on an upload that was begun before: no I/O, and never fails. */
  resumeUpload(key: string, uploadId: string): MultipartUpload {
    return new MultipartUpload(this.#context, { bucket: this.name, key, uploadId });
  }

  /**
   * Uploads that were neither completed nor aborted, in order of their keys.
   * @throws {StoreError} when it is iterated: InvalidArgument, InvalidObjectName, NoSuchBucket,
   * STORE_CLOSED
   */
  uploads(options?: { prefix?: string | undefined }): AsyncIterable<UploadInfo> {
    return listUploads(this.#context, this.name, options);
  }

  /**
   * Aborts the uploads that were begun before a moment. Says how many went and how many stay.
   * @throws {StoreError} InvalidArgument, NoSuchBucket, STORE_CLOSED, STORE_READ_ONLY
   */
  sweepUploads(options: { olderThan: Date }): Promise<{ swept: number; kept: number }> {
    return sweepUploads(this.#context, this.name, options);
  }

  /**
   * Lists objects and common prefixes in byte order of the keys.
   *
   * @throws {StoreError} when it is iterated: InvalidArgument, InvalidObjectName, NoSuchBucket,
   * ABORTED, STORE_CLOSED
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = store.bucket('docs');
   * await docs.put('2024/a.txt', 'a');
   * await docs.put('2025/b.txt', 'b');
   * for await (const { key, size } of docs.list({ prefix: '2025/' })) console.log(key, size);
   * for await (const year of docs.list({ delimiter: '/' }).prefixes()) console.log(year);
   * ```
   */
  list(options?: ListOptions): Listing<StoredObject> {
    return listObjects(this.#context, this.name, options);
  }

  /**
   * What happens to the objects of the bucket, in the order of the commits: from now on, or behind
   * the event whose id is `from`, also one that an earlier process saw. Nothing acknowledged is
   * left out, and nothing is told that did not happen; a change of tags is no event. The first
   * watch of a bucket begins to keep its events ({@link events}).
   *
   * Ends with return(), its signal, its bucket or the store, and a next() that waits does so at
   * once. A next() that waits keeps the process from ending. A watch that nobody waits on holds a
   * page of events at most.
   *
   * @throws {StoreError} when it is iterated: EVENTS_GONE, InvalidArgument, InvalidObjectName,
   * NoSuchBucket, ABORTED, STORE_CLOSED, STORE_READ_ONLY
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = await store.createBucket('docs');
   * const from = await docs.events.last();
   * await docs.put('hello.txt', 'hi');
   * for await (const { id, type, key } of docs.watch({ from, prefix: 'hello' })) {
   *   console.log(id, type, key);
   *   break;
   * }
   * ```
   */
  watch(options?: WatchOptions): AsyncIterable<ObjectEvent> {
    return watchObjects(this.#context, this.name, options);
  }

  /** Whether the bucket keeps events, and how many. */
  get events(): EventsHandle {
    return new EventsHandle(this.#context, this.name);
  }

  /**
   * A handle on one object in the manner of a Blob, to be read, sliced and written: no I/O, and no
   * error, before it is used.
   *
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const file = store.bucket('docs').file('notes/hello.txt');
   * await file.write('hello world');
   * console.log(file.name, await file.text(), await file.slice(-5).text());
   * ```
   */
  file(key: string): ObjectFile {
    return new ObjectFile(this, key);
  }

  /**
   * A put as a stream to write to. Errors are those of {@link Bucket.put}, as the stream's `error`
   * event and as the rejection of `done`. Nothing is done before the first write.
   *
   * @example
   * ```ts
   * import { createReadStream } from 'node:fs';
   * import { pipeline } from 'node:stream/promises';
   * import { createGzip } from 'node:zlib';
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const packed = store.bucket('docs').createWriteStream('program.gz');
   * await pipeline(createReadStream(new URL(import.meta.url)), createGzip(), packed);
   * console.log((await packed.done).size);
   * ```
   */
  createWriteStream(key: string, options?: PutOptions): ObjectWriteStream {
    return new PutStream(async (body, stop) => {
      const signal = options?.signal === undefined ? stop : AbortSignal.any([options.signal, stop]);
      return this.put(key, body, { ...options, signal });
    });
  }

  #traced<T>(
    channel: TracingChannel<string, TraceContext>,
    key: string | undefined,
    call: () => Promise<T>,
  ): Promise<T> {
    return channel.tracePromise(call, { bucket: this.name, key });
  }
}
