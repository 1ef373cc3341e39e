// strongroom/unstorage: a bucket, or a prefix of one, as a driver of unstorage.
//
//   unstorage says a:b:c, the object is called <base>/a/b/c
//
// Objects whose keys unstorage could not say (`a//b`, `a:b`, `a?b`) are neither listed nor cleared.
// The types name no type of unstorage, so they fit whichever version is there.
import type { Body, Bucket, StoredObject } from '../index.ts';
import { StoreError } from '../index.ts';

export interface UnstorageOptions {
  bucket: Bucket;
  /** Folder of the bucket that holds the items, as `cache` or `cache:pages`. @default the bucket */
  base?: string | undefined;
}
export interface UnstorageMeta {
  mtime: Date;
  size: number;
  etag: string;
  contentType: string;
  /** What index signatures of unstorage ask for. */
  [key: string]: string | number | Date;
}
/** What createStorage({ driver }) of unstorage takes. */
export interface UnstorageDriver {
  name: string;
  options: UnstorageOptions;
  getInstance(): Bucket;
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<string | null>;
  getItemRaw(key: string): Promise<Buffer | null>;
  setItem(key: string, value: string): Promise<void>;
  /** Any body of a put; a plain object is a TypeError. */
  setItemRaw(key: string, value: Body): Promise<void>;
  removeItem(key: string): Promise<void>;
  getMeta(key: string): Promise<UnstorageMeta | null>;
  getKeys(base?: string): Promise<string[]>;
  clear(base?: string): Promise<void>;
}

/** Keys of one remove: as many as a page of a listing. */
const batchMax = 1000;

/**
 * The driver. It has no `dispose`: the store is yours to close. Time to live is not kept, and
 * changes are told to watchers by unstorage itself, that is, those made through it.
 *
 * @throws {StoreError} from its methods: what put, get, head, list and remove throw. A bucket that
 * does not exist yet reads as empty.
 * @example
 * ```ts
 * import { openMemory } from 'strongroom';
 * import { unstorageDriver } from 'strongroom/unstorage';
 * import { createStorage } from 'unstorage';
 *
 * await using store = await openMemory();
 * const driver = unstorageDriver({ bucket: store.bucket('cache'), base: 'pages' });
 * const storage = createStorage({ driver });
 * await storage.setItem('users:1', { name: 'me' });
 * console.log(await storage.getItem('users:1'), await storage.getKeys());
 * ```
 */
export function unstorageDriver(options: UnstorageOptions): UnstorageDriver {
  const { bucket } = options;
  const root = folder(options.base);
  const get = (key: string) => unlessNoBucket(bucket.get(objectKey(root, key)), null);

  return {
    name: 'strongroom',
    options,
    getInstance: () => bucket,
    hasItem: (key) => unlessNoBucket(bucket.has(objectKey(root, key)), false),
    getItem: async (key) => (await get(key))?.text() ?? null,
    getItemRaw: async (key) => asBuffer((await (await get(key))?.bytes()) ?? null),
    setItem: async (key, value) => {
      await bucket.put(objectKey(root, key), value);
    },
    setItemRaw: async (key, value) => {
      await bucket.put(objectKey(root, key), value);
    },
    removeItem: async (key) => {
      await unlessNoBucket(bucket.remove(objectKey(root, key)), null);
    },
    getMeta: async (key) => metaOf(await unlessNoBucket(bucket.head(objectKey(root, key)), null)),
    getKeys: (base) => unlessNoBucket(itemKeys(bucket, root, base), []),
    clear: async (base) => {
      const keys = await unlessNoBucket(itemKeys(bucket, root, base), []);
      await removeAll(
        bucket,
        keys.map((key) => objectKey(root, key)),
      );
    },
  };
}

/** `a:b` as `a/b/`, the whole bucket as ''. */
function folder(base: string | undefined): string {
  const parts = (base ?? '').split(/[:/\\]+/).filter(Boolean);
  return parts.map((part) => `${part}/`).join('');
}

function objectKey(root: string, key: string): string {
  return root + key.replaceAll(':', '/');
}

async function itemKeys(bucket: Bucket, root: string, base: string | undefined): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of bucket.list({ prefix: root + folder(base) })) {
    const item = key.slice(root.length);
    if (canBeSaid(item)) keys.push(item.replaceAll('/', ':'));
  }
  return keys;
}

/** Whether unstorage, which tidies its keys, can ask for this one. */
function canBeSaid(item: string): boolean {
  return (
    !/[:\\?]/.test(item) &&
    item.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

async function removeAll(bucket: Bucket, keys: string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += batchMax) {
    const { errors } = await bucket.remove(keys.slice(at, at + batchMax));
    if (errors[0] !== undefined) throw errors[0].error;
  }
}

/** The first put makes the bucket, so until then it is as good as empty. */
async function unlessNoBucket<T>(call: Promise<T>, none: T): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (StoreError.is(error, 'NoSuchBucket')) return none;
    throw error;
  }
}

function asBuffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function metaOf(object: StoredObject | null): UnstorageMeta | null {
  if (object === null) return null;
  const { lastModified: mtime, size, etag, contentType } = object;
  return { mtime, size, etag, contentType };
}
