// strongroom/flydrive: a bucket as a driver of flydrive, which AdonisJS calls Drive.
//
// A folder is what ends in a slash: `deleteAll('a')` and `listAll('a')` mean `a/` and never `ab`.
import type { Readable } from 'node:stream';
import { DriveDirectory, DriveFile } from 'flydrive';
import type {
  DriverContract,
  ObjectMetaData,
  ObjectVisibility,
  WriteOptions,
} from 'flydrive/types';
import type {
  Bucket,
  CopyOptions,
  ListOptions,
  ListPage,
  ObjectBody,
  PutOptions,
  StoredObject,
} from '../index.ts';
import { StoreError } from '../index.ts';
import { contentOptions } from '../object/content-headers.ts';

export interface FlydriveOptions {
  bucket: Bucket;
  /** What every object is said to be: none has a visibility of its own. @default 'private' */
  visibility?: ObjectVisibility | undefined;
  /** The public address of an object, at a fetch handler say. Without it there are none. */
  url?: ((key: string) => string | Promise<string>) | undefined;
}

interface ListAllOptions {
  recursive?: boolean;
  paginationToken?: string;
  maxResults?: number;
}

/**
 * The driver, for `new Disk()` and DriveManager.
 *
 * Its methods reject with what the bucket's do; a Disk wraps that in an error of its own, as
 * `cause`. What cannot be kept is refused with NotImplemented: signed addresses, and a visibility
 * other than the driver's.
 *
 * @example
 * ```ts
 * import { Disk } from 'flydrive';
 * import { openMemory } from 'strongroom';
 * import { FlydriveDriver } from 'strongroom/flydrive';
 *
 * await using store = await openMemory();
 * const disk = new Disk(new FlydriveDriver({ bucket: store.bucket('uploads') }));
 * await disk.put('avatars/me.txt', 'hello', { contentType: 'text/plain' });
 * console.log(await disk.get('avatars/me.txt'));
 * ```
 */
export class FlydriveDriver implements DriverContract {
  readonly options: FlydriveOptions;
  readonly #bucket: Bucket;

  constructor(options: FlydriveOptions) {
    this.options = options;
    this.#bucket = options.bucket;
  }

  /** The same driver on another bucket of the store; flydrive 2 asks for it. */
  bucket(name: string): FlydriveDriver {
    return new FlydriveDriver({ ...this.options, bucket: this.#bucket.store.bucket(name) });
  }

  async exists(key: string): Promise<boolean> {
    return unlessNoBucket(this.#bucket.has(key), false);
  }

  async get(key: string): Promise<string> {
    return (await this.#open(key)).text();
  }

  async getStream(key: string): Promise<Readable> {
    return (await this.#open(key)).readable();
  }

  async getBytes(key: string): Promise<Uint8Array> {
    return (await this.#open(key)).bytes();
  }

  async getMetaData(key: string): Promise<ObjectMetaData> {
    return metaDataOf(await this.#bucket.file(key).stat());
  }

  async getVisibility(key: string): Promise<ObjectVisibility> {
    await this.#bucket.file(key).stat(); // NoSuchKey
    return this.#visibility;
  }

  async setVisibility(key: string, visibility: ObjectVisibility): Promise<void> {
    this.#requireVisibility(visibility);
    await this.#bucket.file(key).stat(); // NoSuchKey
  }

  async getUrl(key: string): Promise<string> {
    if (this.options.url === undefined)
      throw notImplemented('objects have no public address: give the driver `url`');
    return this.options.url(key);
  }

  async getSignedUrl(_key: string): Promise<string> {
    throw notImplemented('there are no signed addresses');
  }

  async getSignedUploadUrl(_key: string): Promise<string> {
    throw notImplemented('there are no signed addresses');
  }

  async put(key: string, contents: string | Uint8Array, options?: WriteOptions): Promise<void> {
    await this.#bucket.put(key, contents, this.#putOptions(options));
  }

  async putStream(key: string, contents: Readable, options?: WriteOptions): Promise<void> {
    await this.#bucket.put(key, contents, this.#putOptions(options));
  }

  /** With the headers and metadata of the source, where `options` does not say otherwise. */
  async copy(source: string, destination: string, options?: WriteOptions): Promise<void> {
    const said = await this.#copyOptions(source, options); // NoSuchKey
    if (said !== undefined || source !== destination)
      await this.#bucket.copy(source, destination, said);
  }

  /** In one commit: nobody sees both, or neither. */
  async move(source: string, destination: string, options?: WriteOptions): Promise<void> {
    const said = await this.#copyOptions(source, options); // NoSuchKey
    if (source !== destination) await this.#bucket.move(source, destination, said);
    else if (said !== undefined) await this.#bucket.copy(source, destination, said);
  }

  async delete(key: string): Promise<void> {
    await unlessNoBucket(this.#bucket.remove(key), null);
  }

  /** The folder and all that lies in it, and an object of that very name. */
  async deleteAll(prefix: string): Promise<void> {
    const folder = folderOf(prefix);
    if (folder !== '') await this.delete(folder.slice(0, -1));
    for (;;) {
      // From the front each time: what was removed is gone from the next page.
      const { objects } = await this.#page({ prefix: folder, limit: 1000 });
      if (objects.length === 0) return;
      const { errors } = await this.#bucket.remove(objects.map(({ key }) => key));
      if (errors[0] !== undefined) throw errors[0].error;
    }
  }

  /** A page of files and, unless `recursive`, of directories. */
  async listAll(
    prefix: string,
    options: ListAllOptions = {},
  ): Promise<{ paginationToken?: string; objects: Iterable<DriveFile | DriveDirectory> }> {
    const { recursive = false, paginationToken, maxResults = 1000 } = options;
    const { objects, prefixes, cursor } = await this.#page({
      prefix: folderOf(prefix),
      delimiter: recursive ? undefined : '/',
      cursor: paginationToken,
      limit: maxResults,
    });
    const directories = prefixes.map((name) => new DriveDirectory(name.slice(0, -1)));
    // An object that is called as its folder has no name there.
    const files = objects.filter(({ key }) => !key.endsWith('/'));
    return {
      ...(cursor !== undefined && { paginationToken: cursor }),
      objects: [
        ...directories,
        ...files.map((object) => new DriveFile(object.key, this, metaDataOf(object))),
      ],
    };
  }

  async #open(key: string): Promise<ObjectBody> {
    const body = await this.#bucket.get(key);
    if (body !== null) return body;
    throw new StoreError('NoSuchKey', undefined, { bucket: this.#bucket.name, key });
  }

  /** Undefined when all stays as it is: what is said of a copy's headers replaces all of them. */
  async #copyOptions(source: string, options?: WriteOptions): Promise<CopyOptions | undefined> {
    const { size: _, ...said } = this.#putOptions(options);
    const object = await this.#bucket.file(source).stat();
    if (Object.keys(said).length === 0) return undefined;
    const { metadata } = object;
    return { ...contentOptions(object.httpHeaders()), metadata: { ...metadata }, ...said };
  }

  async #page(options: ListOptions): Promise<ListPage<StoredObject>> {
    const pages = this.#bucket.list(options).pages()[Symbol.asyncIterator]();
    const first = await unlessNoBucket(pages.next(), null);
    return first?.value ?? { objects: [], prefixes: [], truncated: false };
  }

  get #visibility(): ObjectVisibility {
    return this.options.visibility ?? 'private';
  }

  #requireVisibility(visibility: ObjectVisibility | undefined): void {
    if (visibility !== undefined && visibility !== this.#visibility)
      throw notImplemented(`objects are ${this.#visibility} here, not ${visibility}`);
  }

  #putOptions(options: WriteOptions = {}): PutOptions {
    this.#requireVisibility(options.visibility);
    const { contentType, contentLanguage, contentEncoding, contentDisposition } = options;
    const { cacheControl, contentLength } = options;
    const put = {
      contentType,
      contentLanguage,
      contentEncoding,
      contentDisposition,
      cacheControl,
      size: contentLength,
    };
    return Object.fromEntries(Object.entries(put).filter(([, value]) => value !== undefined));
  }
}

/** `a` and `a/` as `a/`; `/`, with which flydrive means everything, as ''. */
function folderOf(prefix: string): string {
  const name = prefix.replace(/^\/+|\/+$/g, '');
  return name === '' ? '' : `${name}/`;
}

function metaDataOf({ contentType, size, etag, lastModified }: StoredObject): ObjectMetaData {
  return { contentType, contentLength: size, etag, lastModified };
}

function notImplemented(message: string): StoreError {
  return new StoreError('NotImplemented', message);
}

/** The first put makes the bucket, so until then it is as good as empty. */
async function unlessNoBucket<T>(call: Promise<T>, none: T): Promise<T>;
async function unlessNoBucket<T>(call: Promise<T>, none: null): Promise<T | null>;
async function unlessNoBucket<T>(call: Promise<T>, none: T | null): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (StoreError.is(error, 'NoSuchBucket')) return none;
    throw error;
  }
}
