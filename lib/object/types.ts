// The shapes a caller of the object verbs meets: bodies, options, results.
import type { Blob } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { StorageClass } from '../context/bucket-row.ts';
import type { StoreError } from '../errors.ts';
import type { Progress } from './progress.ts';

/**
 * Anything with bytes in it; null is the empty body. Text becomes UTF-8. Pieces of streams and
 * iterables are byte arrays or strings. Anything else, a plain object above all, is refused with a
 * TypeError that says so. (The global Blob and ReadableStream are types of their own where those of
 * the DOM are loaded; the latter lacks an iterator there in TypeScript 5.5 and older.)
 */
export type Body =
  | string
  | ArrayBuffer
  | SharedArrayBuffer
  | ArrayBufferView
  | Blob
  | globalThis.Blob
  | ReadableStream
  | globalThis.ReadableStream
  | Readable
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array>
  | Response
  | null;

export type ChecksumName = 'md5' | 'sha1' | 'sha256' | 'crc32' | 'crc32c' | 'crc64';
/** Over the plaintext, in lower-case hex, as far as they were asked for; crc64 is always there. */
export interface Checksums extends Partial<Record<ChecksumName, string>> {
  /** CRC64/XZ as an unsigned decimal. */
  crc64: string;
}

export interface PutOptions {
  /** @default the type of a Blob or Response, else 'application/octet-stream' */
  contentType?: string | undefined;
  contentEncoding?: string | undefined;
  contentDisposition?: string | undefined;
  contentLanguage?: string | undefined;
  cacheControl?: string | undefined;
  expires?: Date | undefined;
  /**
   * Up to 8192 bytes of names and values together. Names are HTTP tokens and are kept in lower
   * case; values are text without control characters.
   */
  metadata?: Record<string, string> | undefined;
  /**
   * Up to 10. Keys of 1 to 128 and values of 0 to 256 characters: letters, digits, spaces and
   * + - = . _ : /
   */
  tags?: Record<string, string> | undefined;
  /**
   * What the body must have, else InvalidDigest or InvalidCRC64 and nothing is stored: hex digits,
   * base64 or bytes; a decimal, base64 or bytes for crc64. `true` only computes it. All of them are
   * kept in StoredObject.checksums.
   */
  checksum?: Partial<Record<ChecksumName, string | Uint8Array | true | undefined>> | undefined;
  /**
   * Write only if this holds; else FileAlreadyExists (absent) or PreconditionFailed (the others).
   * As Headers: If-Match, If-None-Match, If-Unmodified-Since and x-oss-forbid-overwrite count, in
   * HTTP's order; other headers are left alone.
   */
  onlyIf?: PutCondition | Headers | undefined;
  /** Bytes the body must have, else IncompleteBody. Never required, streams included. */
  size?: number | undefined;
  /** At most ten calls a second, and one at the end. */
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}
/** Of the first append; later ones change nothing but the bytes. */
export type AppendOptions = Omit<PutOptions, 'checksum' | 'onlyIf' | 'size' | 'onProgress'> & {
  /** Where the bytes must begin: the size of the object so far. @default the end, wherever it is */
  position?: number | undefined;
};
/** An object by its key, also of another bucket; as the source of a copy also one version of it. */
export type ObjectRef = string | { bucket?: string; key: string; versionId?: string };
export interface CopyOptions
  extends Pick<
    PutOptions,
    | 'contentType'
    | 'contentEncoding'
    | 'contentDisposition'
    | 'contentLanguage'
    | 'cacheControl'
    | 'expires'
    | 'onlyIf'
    | 'signal'
  > {
  /** New metadata also replaces all content headers. @default 'copy' */
  metadata?: 'copy' | Record<string, string> | undefined;
  /** @default 'copy' */
  tags?: 'copy' | Record<string, string> | undefined;
}
/** What is known of the object before its parts are. */
export type UploadOptions = Omit<PutOptions, 'checksum' | 'onlyIf' | 'size' | 'onProgress'>;
export interface PartOptions {
  /** As in PutOptions, of this part. */
  checksum?: PutOptions['checksum'];
  signal?: AbortSignal | undefined;
}
export interface CompleteOptions {
  onlyIf?: PutOptions['onlyIf'];
  signal?: AbortSignal | undefined;
}
export interface UploadedPart {
  partNumber: number;
  etag: string;
}
export interface PartInfo extends UploadedPart {
  /** Bytes. */
  size: number;
}
export interface UploadInfo {
  key: string;
  uploadId: string;
  initiated: Date;
}
/** A link has no bytes of its own. */
export type SymlinkOptions = Omit<PutOptions, 'checksum' | 'size' | 'onProgress'>;
/** ETags count with and without their double quotes; `*` stands for any. No weak ones. */
export interface PutCondition {
  /** The key holds no object: If-None-Match: *. */
  absent?: true | undefined;
  /** The object has this ETag: If-Match. */
  etag?: string | undefined;
  /** The object was not modified after this moment, in whole seconds; not asked beside an ETag. */
  unmodifiedSince?: Date | undefined;
}
export interface RemoveCondition {
  /** The object has this ETag. */
  etag: string;
}
/** Beside `etag` and `notEtag` the dates are not asked, as in HTTP. */
export interface GetCondition {
  /** PreconditionFailed unless the object has this ETag. */
  etag?: string | undefined;
  /** NotModified if the object has this ETag. */
  notEtag?: string | undefined;
  /** NotModified unless the object was modified after this moment, in whole seconds. */
  modifiedSince?: Date | undefined;
  /** PreconditionFailed if the object was modified after this moment, in whole seconds. */
  unmodifiedSince?: Date | undefined;
}

/**
 * Offsets and lengths are bytes. A range that goes on behind the end is cut there; one that begins
 * at or behind the end throws InvalidRange. The text form is one range as in HTTP.
 */
export type Range =
  | { offset: number; length?: number | undefined }
  // `object`, since a string has a length too.
  | ({ offset?: number | undefined; length: number } & object)
  | { suffix: number }
  | `bytes=${string}`;

export interface HasOptions {
  signal?: AbortSignal | undefined;
}
export interface HeadOptions extends HasOptions {
  /** This version; NoSuchVersion when it is not there, MethodNotAllowed for a delete marker. */
  versionId?: string | undefined;
  /** The version that stood at this moment, in wall time, as far as it is still there. */
  at?: Date | string | undefined;
  /**
   * Answer only if this holds; else NotModified or PreconditionFailed. As Headers: If-Match,
   * If-None-Match, If-Modified-Since and If-Unmodified-Since count, in HTTP's order.
   */
  onlyIf?: GetCondition | Headers | undefined;
}
export interface GetOptions extends HeadOptions {
  range?: Range | undefined;
  /** At most ten calls a second, and one at the end; counts the bytes that left the body. */
  onProgress?: ((progress: Progress) => void) | undefined;
}
export interface RemoveOptions {
  /**
   * For one key only: this version goes for good, also a delete marker. Where it was the newest,
   * the one behind it stands again. One that is not there counts as removed.
   */
  versionId?: string | undefined;
  /** For one key only. As Headers: If-Match, If-None-Match and If-Unmodified-Since count. */
  onlyIf?: RemoveCondition | Headers | undefined;
  signal?: AbortSignal | undefined;
}
/**
 * Every key that was given, as often as it was given, in one of the two lists and in its order.
 * Keys that held no object count as removed.
 */
export interface RemoveResult {
  removed: RemovedObject[];
  errors: { key: string; error: StoreError }[];
}

/** By its id, or what stood at a moment, in wall time. */
export type RestoreTo = { versionId: string } | { at: Date | string };

export interface RestoreAllOptions {
  /** Only keys that begin with this. */
  prefix?: string | undefined;
  /** In wall time, as the objects' lastModified. */
  at: Date | string;
  /** Only say what would be done. @default false */
  dryRun?: boolean | undefined;
  /** After each key that was changed. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  signal?: AbortSignal | undefined;
}
export interface RestorePlan {
  /** Keys that get the version again that stood at the moment. */
  restored: number;
  /** Keys that get a delete marker, since nothing stood. */
  deleted: number;
  /** Keys that are as they were. */
  unchanged: number;
  /** In order of the keys; `versionId` is the version that is restored. */
  actions: { key: string; action: 'restore' | 'delete'; versionId?: string }[];
}

export interface RemovedObject {
  key: string;
  /** Of the version that went, or of the delete marker that was added. */
  versionId?: string;
  /** That version is a delete marker. */
  deleteMarker?: boolean;
}

/** One object as of one moment. Fields are decoded when asked for; toJSON() gives them all. */
export interface StoredObject {
  readonly key: string;
  readonly bucket: string;
  readonly type: 'Normal' | 'Multipart' | 'Appendable' | 'Symlink';
  /**
   * The key that a symlink names. In a body, the key that its bytes come from: all but the key is
   * then the target's.
   */
  readonly symlinkTarget?: string | undefined;
  /** Bytes. */
  readonly size: number;
  /** The random id of the object's bytes, in double quotes: never the same for two puts. */
  readonly etag: string;
  /** Absent where the bucket never had versions; `null` for what was written without one. */
  readonly versionId?: string | undefined;
  readonly lastModified: Date;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly storageClass: StorageClass;
  readonly checksums: Readonly<Checksums>;
  /** In a list of versions: nothing newer is there. */
  readonly isLatest?: boolean | undefined;
  /** In a list of versions: no object, but the mark that it was removed. */
  readonly isDeleteMarker?: boolean | undefined;
  /** What an OSS server would send with the object. */
  httpHeaders(): Headers;
  toJSON(): object;
}

/**
 * An open read. Dispose it, or read it to the end; a forgotten one is closed on garbage collection
 * with a `body:forgotten` event. It can be read once, in one of these ways; a second one is a
 * TypeError. A body that is disposed while it is read ends that reading with ABORTED, so await the
 * reading before the body goes out of scope. A small body arrives whole: neither the signal nor
 * close() takes it back.
 */
export interface ObjectBody extends StoredObject, AsyncIterable<Uint8Array>, AsyncDisposable {
  /** The part that is served, when a range was asked for. */
  readonly range?: { offset: number; length: number };
  readonly body: ReadableStream<Uint8Array>;
  readonly bodyUsed: boolean;
  /** The same stream as `body`. Verified pieces of fresh memory, at most 1 MiB each. */
  stream(): ReadableStream<Uint8Array>;
  readable(): Readable;
  /** The caller's own, though they may be a part of a larger buffer, as Node's Buffers are. */
  bytes(): Promise<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
  /** As UTF-8; a byte order mark is left out. */
  text(): Promise<string>;
  json<T = unknown>(): Promise<T>;
  blob(): Promise<Blob>;
  /**
   * Writes the bytes to a file, synced: through a temporary file beside it, so that a save that
   * fails or is aborted leaves the target as it was and nothing else. A new file is its owner's
   * alone (mode 0600), one that is replaced keeps its mode; a link is replaced, not followed.
   * Errors of the file system pass as they are.
   * @throws {StoreError} ABORTED, STORE_CLOSED, STORE_CORRUPT, DECRYPT_FAILED
   */
  saveTo(file: string | URL, options?: SaveOptions): Promise<void>;
  /**
   * The object as the answer to a GET: 200, or 206 with Content-Range when a range was asked for,
   * with the headers of {@link StoredObject.httpHeaders}; what `init` names goes before them.
   * Nothing is read before the response's body is. For a HEAD use `bucket.head()` and
   * `new Response(null, { headers: object.httpHeaders() })`.
   * @throws {StoreError} InvalidRange: a part of no bytes
   */
  toResponse(init?: ResponseInit): Response;
}
export interface SaveOptions {
  signal?: AbortSignal | undefined;
}

/**
 * A put as a stream. `finish` comes when the object is durable; destroy(), an error or a failed put
 * leaves nothing, and `close` comes when every trace is gone.
 */
export interface ObjectWriteStream extends Writable {
  /**
   * The object, once it is durable; rejects when the put fails or the stream is destroyed before.
   * May be left alone. Whoever asks for it need not listen to `error` as well.
   */
  readonly done: Promise<StoredObject>;
}

export interface ListOptions {
  /** Only keys that begin with this. */
  prefix?: string | undefined;
  /** Keys that share a text up to this, looked for behind the prefix, become one common prefix. */
  delimiter?: string | undefined;
  /**
   * Every version of each key and its delete markers, the newest first. Not in reverse.
   * @default false
   */
  versions?: boolean | undefined;
  /** What stood at this moment, in wall time, as far as it is still there. Not in reverse. */
  at?: Date | string | undefined;
  /** Only what comes after this key, in the direction of the listing. */
  startAfter?: string | undefined;
  /** With versions: go on within the key of `startAfter`, with what is older than this version. */
  startAfterVersion?: string | undefined;
  /** Go on where a page of the same listing ended. */
  cursor?: string | undefined;
  /** Objects and common prefixes in all, not for each page. @default no limit */
  limit?: number | undefined;
  /** From the last key to the first. @default false */
  reverse?: boolean | undefined;
  signal?: AbortSignal | undefined;
}
export interface ListPage<T> {
  objects: T[];
  /** Common prefixes. */
  prefixes: string[];
  /** For ListOptions.cursor; present when truncated. */
  cursor?: string;
  /** More may follow. */
  truncated: boolean;
}
/**
 * The entries of a bucket in byte order of their keys (as UTF-8). Each page is one moment of the
 * bucket; between pages it may change. Nothing is read before the listing is iterated.
 */
export interface Listing<T> extends AsyncIterable<T> {
  /** Up to 1000 entries each. */
  pages(): AsyncIterable<ListPage<T>>;
  prefixes(): AsyncIterable<string>;
  toArray(): Promise<T[]>;
}
