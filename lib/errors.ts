// The one table of error codes and the one error class. A code is API and stays; a message is not.
// docs/errors.md is generated from this table (`node --import tsx scripts/errors-doc.mjs`).
import { randomBytes } from 'node:crypto';

/** OSS wire codes, spelled as OSS spells them. */
export type OssCode =
  | 'AccessDenied'
  | 'BucketAlreadyExists'
  | 'BucketNotEmpty'
  | 'EntityTooLarge'
  | 'EntityTooSmall'
  | 'FileAlreadyExists'
  | 'IncompleteBody'
  | 'InternalError'
  | 'InvalidArgument'
  | 'InvalidBucketName'
  | 'InvalidCRC64'
  | 'InvalidDigest'
  | 'InvalidObjectName'
  | 'InvalidPart'
  | 'InvalidPartOrder'
  | 'InvalidRange'
  | 'InvalidTag'
  | 'InvalidTargetType'
  | 'MethodNotAllowed'
  | 'NoSuchBucket'
  | 'NoSuchKey'
  | 'NoSuchUpload'
  | 'NoSuchVersion'
  | 'NotImplemented'
  | 'NotModified'
  | 'ObjectNotAppendable'
  | 'PositionNotEqualToLength'
  | 'PreconditionFailed'
  | 'SymlinkTargetNotExist'
  | 'TooManyTags';
/**
 * Conditions of the engine, without a twin in OSS: InternalError or ServiceUnavailable over HTTP.
 */
export type EngineCode =
  | 'ABORTED'
  | 'CHECKPOINT_GONE'
  | 'COMMIT_UNKNOWN'
  | 'DECRYPT_FAILED'
  | 'EVENTS_GONE'
  | 'KEY_DESTROYED'
  | 'KMS_UNAVAILABLE'
  | 'NATIVE_LOAD_FAILED'
  | 'QUORUM_LOST'
  | 'STORE_CLOSED'
  | 'STORE_CORRUPT'
  | 'STORE_FULL'
  | 'STORE_IO'
  | 'STORE_LOCKED'
  | 'STORE_READ_ONLY'
  | 'STORE_ROLLED_BACK'
  | 'STORE_VERSION'
  | 'WRONG_ROOT_KEY'
  | 'ZONE_FOREIGN'
  | 'ZONE_UNAVAILABLE';
export type ErrorCode = OssCode | EngineCode;

export interface CodeEntry {
  /** Over HTTP; engine codes become InternalError (500) or ServiceUnavailable (503) there. */
  readonly status: number;
  /** The same call, unchanged, may succeed later. */
  readonly retry: boolean;
  /** What is wrong: lower case, no full stop. */
  readonly text: string;
  /** What to do about it. */
  readonly hint: string;
}

const ossCodes: Readonly<Record<OssCode, CodeEntry>> = {
  AccessDenied: {
    status: 403,
    retry: false,
    text: 'the request is not allowed',
    hint: 'Whoever serves the store refused it, whether the object exists or not.',
  },
  BucketAlreadyExists: {
    status: 409,
    retry: false,
    text: 'the bucket exists already',
    hint: 'Choose another name, or create it with { ifNotExists: true }.',
  },
  BucketNotEmpty: {
    status: 409,
    retry: false,
    text: 'the bucket holds objects',
    hint: 'Remove its objects first, or delete it with { force: true }.',
  },
  EntityTooLarge: {
    status: 400,
    retry: false,
    text: 'the body is too large',
    hint: 'An object holds 48.8 TB at most. For one array it may be too large: read a stream.',
  },
  EntityTooSmall: {
    status: 400,
    retry: false,
    text: 'a part is too small',
    hint: 'Every part but the last has 100 KB at least. Upload it again, larger.',
  },
  FileAlreadyExists: {
    status: 409,
    retry: false,
    text: 'the object exists already',
    hint: 'The put demanded that the key be absent. Read the object, or put without onlyIf.',
  },
  IncompleteBody: {
    status: 400,
    retry: false,
    text: 'the body ended early, failed or had another size than announced',
    hint: 'Nothing was stored. `cause` holds what the body threw. Put again with a fresh body.',
  },
  InternalError: {
    status: 500,
    retry: false,
    text: 'an invariant of strongroom is broken',
    hint: 'This is a bug: report it with the message and the stack.',
  },
  InvalidArgument: {
    status: 400,
    retry: false,
    text: 'an argument or option has a value that cannot be used',
    hint: 'The message names the argument and what is allowed. Nothing was done.',
  },
  InvalidBucketName: {
    status: 400,
    retry: false,
    text: 'the bucket name is not valid',
    hint: '3 to 63 lower-case letters, digits and hyphens; no hyphen at either end.',
  },
  InvalidCRC64: {
    status: 400,
    retry: false,
    text: 'the body has another CRC64 than was given',
    hint: 'Nothing was stored. The body changed on its way, or the value is of another body.',
  },
  InvalidDigest: {
    status: 400,
    retry: false,
    text: 'the body has another checksum than was given',
    hint: 'Nothing was stored. The body changed on its way, or the value is of another body.',
  },
  InvalidObjectName: {
    status: 400,
    retry: false,
    text: 'the object key is not valid',
    hint: '1 to 1023 bytes of well-formed UTF-8 without NUL, not beginning with / or \\.',
  },
  InvalidPart: {
    status: 400,
    retry: false,
    text: 'a part is missing, or was uploaded anew',
    hint: 'List the parts of the upload and complete it with their ETags.',
  },
  InvalidPartOrder: {
    status: 400,
    retry: false,
    text: 'the parts are not in ascending order',
    hint: 'Name each part once, in the order of the numbers.',
  },
  InvalidRange: {
    status: 416,
    retry: false,
    text: 'the range lies outside the object',
    hint: 'A range must begin before the end of the object; head() tells the size.',
  },
  InvalidTargetType: {
    status: 400,
    retry: false,
    text: 'the target of the symlink is a symlink itself',
    hint: 'One link is followed, not two. Let the link name the object.',
  },
  InvalidTag: {
    status: 400,
    retry: false,
    text: 'a tag is not valid',
    hint: '1 to 128 characters of key, up to 256 of value: letters, digits, spaces, + - = . _ : /.',
  },
  MethodNotAllowed: {
    status: 405,
    retry: false,
    text: 'the address does not take this method',
    hint: 'Objects take GET, HEAD, PUT and DELETE, buckets GET; a delete marker DELETE alone.',
  },
  NoSuchBucket: {
    status: 404,
    retry: false,
    text: 'the bucket does not exist',
    hint: 'Create it with store.createBucket(), or open with autoCreateBuckets.',
  },
  NoSuchKey: {
    status: 404,
    retry: false,
    text: 'the object does not exist',
    hint: 'Check the key; get() and head() answer null instead, has() answers false.',
  },
  NoSuchUpload: {
    status: 404,
    retry: false,
    text: 'the upload does not exist',
    hint: 'It was completed or aborted, or the id is not of this key. Begin a new one.',
  },
  NoSuchVersion: {
    status: 404,
    retry: false,
    text: 'the version does not exist',
    hint: 'List those that are there with versioning.list(key); one that was removed is gone.',
  },
  NotImplemented: {
    status: 400,
    retry: false,
    text: 'the call asks for something that is not implemented',
    hint: 'The message names it. Nothing was done.',
  },
  NotModified: {
    status: 304,
    retry: false,
    text: 'the object has not changed',
    hint: 'The condition of the read asked for a change; the copy you hold is current.',
  },
  ObjectNotAppendable: {
    status: 409,
    retry: false,
    text: 'the object does not grow by appends',
    hint: 'Append to a key that is free, or to what an append began; others are written whole.',
  },
  PositionNotEqualToLength: {
    status: 409,
    retry: false,
    text: 'the position is not the size of the object',
    hint: 'Somebody else appended. The message says where the object ends now.',
  },
  PreconditionFailed: {
    status: 412,
    retry: false,
    text: 'a condition of the call did not hold',
    hint: 'Somebody else changed the object. Read it again, decide again, call again.',
  },
  SymlinkTargetNotExist: {
    status: 404,
    retry: false,
    text: 'the target of the symlink does not exist',
    hint: '`head()` tells the target. Put an object there, or remove the link.',
  },
  TooManyTags: {
    status: 400,
    retry: false,
    text: 'the object would have too many tags',
    hint: 'An object has 10 tags at most.',
  },
};

const engineCodes: Readonly<Record<EngineCode, CodeEntry>> = {
  ABORTED: {
    status: 500,
    retry: false,
    text: 'the call was aborted',
    hint: 'The signal given to the call fired. Nothing remains of the call.',
  },
  CHECKPOINT_GONE: {
    status: 500,
    retry: false,
    text: 'the checkpoint is too old to judge the store by',
    hint: 'A store keeps its newest 1,000 checkpoints: open it with a newer one.',
  },
  COMMIT_UNKNOWN: {
    status: 500,
    retry: false,
    text: 'the write may or may not stand',
    hint: 'A sync failed and too few zones were left to settle it. Reopen; read before repeating.',
  },
  DECRYPT_FAILED: {
    status: 500,
    retry: false,
    text: 'sealed bytes do not open: they were tampered with, or sealed under another key',
    hint: 'Checksum right, tag wrong: no accident. Keep the zones, compare with a backup.',
  },
  EVENTS_GONE: {
    status: 410,
    retry: false,
    text: 'events behind this id are not kept any more',
    hint: 'Take `bucket.events.last()`, list the bucket, watch from there; or keep more events.',
  },
  KEY_DESTROYED: {
    status: 500,
    retry: false,
    text: 'the key that sealed this is destroyed',
    hint: 'The bytes cannot be read again by anybody.',
  },
  KMS_UNAVAILABLE: {
    status: 503,
    retry: true,
    text: 'the key service does not answer',
    hint: 'Try again when the key service is back.',
  },
  NATIVE_LOAD_FAILED: {
    status: 500,
    retry: false,
    text: 'the native addon cannot be loaded',
    hint: 'The message names the exact remedy. openMemory() works without the addon.',
  },
  QUORUM_LOST: {
    status: 503,
    retry: true,
    text: 'too few zones: the store is read-only',
    hint: 'Bring a lost zone back and reopen the store.',
  },
  STORE_CLOSED: {
    status: 503,
    retry: false,
    text: 'the store is closed',
    hint: 'Open it again; a call that close() interrupted has left nothing.',
  },
  STORE_CORRUPT: {
    status: 500,
    retry: false,
    text: 'stored bytes are damaged beyond what the zones can rebuild',
    hint: 'Restore from a backup. Keep the zones: nothing is removed because it looks wrong.',
  },
  STORE_FULL: {
    status: 503,
    retry: true,
    text: 'a zone has no space left',
    hint: 'Free space in every zone. Objects can still be removed.',
  },
  STORE_IO: {
    status: 500,
    retry: true,
    text: 'the operating system refused to read or write',
    hint: '`cause` holds its words. Look at the disk of the zone that is named.',
  },
  STORE_LOCKED: {
    status: 503,
    retry: true,
    text: 'another process has the store open',
    hint: 'Close it there. Threads of one process may share a store; processes may not.',
  },
  STORE_READ_ONLY: {
    status: 503,
    retry: false,
    text: 'the store takes no writes',
    hint: 'It was opened with readOnly, or a sync failed on its only zone: reopen it.',
  },
  STORE_ROLLED_BACK: {
    status: 500,
    retry: false,
    text: 'the zones are older than they must be, or they hold a fork',
    hint: 'Some zones were restored from an older copy, or a copy was opened. Find the newer ones.',
  },
  STORE_VERSION: {
    status: 500,
    retry: false,
    text: 'the store was written by a newer version of strongroom',
    hint: 'Upgrade strongroom.',
  },
  WRONG_ROOT_KEY: {
    status: 500,
    retry: false,
    text: 'the root key does not open this store',
    hint: 'Give the key the store was created with. By default it lies in <path>.rootkey.',
  },
  ZONE_FOREIGN: {
    status: 500,
    retry: false,
    text: 'a zone belongs to another store, or was replaced',
    hint: 'Check the paths of the zones: a replaced one is given no more, its replacement is.',
  },
  ZONE_UNAVAILABLE: {
    status: 503,
    retry: true,
    text: 'a zone is missing, empty or cannot be opened',
    hint: 'Is the disk mounted, the path right? An empty directory never becomes a zone by itself.',
  },
};

/** Every code, with what it means and what to do. */
export const codes: Readonly<Record<ErrorCode, CodeEntry>> = { ...ossCodes, ...engineCodes };

/** Facts that go with a {@link StoreError}. */
export interface StoreErrorDetails {
  readonly bucket?: string | undefined;
  readonly key?: string | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Shared by every copy of the package in a process, so that `StoreError.is` works across them. */
const brand = Symbol.for('strongroom.StoreError');

/**
 * The one error class: `code` says what happened and stays the same across major versions.
 *
 * `name` is `${code}Error`, so code written for ali-oss (`err.name === 'NoSuchBucketError'`) keeps
 * working; for ABORTED it is 'AbortError'. A wrong JavaScript type is a TypeError instead.
 *
 * @example
 * ```ts
 * import { openMemory, StoreError } from 'strongroom';
 *
 * await using store = await openMemory({ autoCreateBuckets: false });
 * try {
 *   await store.bucket('docs').put('a.txt', 'hi');
 * } catch (error) {
 *   if (!StoreError.is(error, 'NoSuchBucket')) throw error;
 *   await store.createBucket('docs');
 * }
 * ```
 */
export class StoreError extends Error {
  override readonly name: string;
  readonly code: ErrorCode;
  /** HTTP status that belongs to the code. */
  readonly status: number;
  /** The same call, unchanged, may succeed later. */
  readonly retryable: boolean;
  declare readonly bucket?: string;
  declare readonly key?: string;
  /** 24 upper-case hex digits, different for every error. */
  readonly requestId: string;
  /** What to do, and where to read more. */
  readonly hint: string;

  constructor(code: ErrorCode, message?: string, details: StoreErrorDetails = {}) {
    const entry: CodeEntry = codes[code] ?? codes.InternalError;
    super(
      (message ?? entry.text) + facts(details),
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = code === 'ABORTED' ? 'AbortError' : `${code}Error`;
    this.code = code;
    this.status = entry.status;
    this.retryable = entry.retry;
    if (details.bucket !== undefined) this.bucket = details.bucket;
    if (details.key !== undefined) this.key = details.key;
    this.requestId = nextRequestId();
    this.hint = `${details.hint ?? entry.hint} (docs/errors.md#${code.toLowerCase()})`;
    Error.captureStackTrace(this, StoreError);
  }

  /** Plain and safe to log: no key material and no contents; of the cause only its message. */
  toJSON(): object {
    const { name, code, message, status, retryable, bucket, key, requestId, hint, cause } = this;
    return {
      name,
      code,
      message,
      status,
      retryable,
      bucket,
      key,
      requestId,
      hint,
      cause: cause instanceof Error ? cause.message : undefined,
    };
  }

  /**
   * `StoreError.is` tells whether `error` is a StoreError, with one of `codes` if any are given.
   * Works for errors made by another copy of this package or in another realm.
   */
  static is(error: unknown, ...codes: ErrorCode[]): error is StoreError {
    if (typeof error !== 'object' || error === null || !(brand in error)) return false;
    return codes.length === 0 || codes.includes((error as unknown as StoreError).code);
  }
}
Object.defineProperty(StoreError.prototype, brand, { value: true });

/** Shorthand for the commonest error of the door: an argument that cannot be used. */
export function invalidArgument(message: string): StoreError {
  return new StoreError('InvalidArgument', message);
}

/** JSON quoting: a key with line breaks must not forge lines in a log. */
function facts({ bucket, key }: StoreErrorDetails): string {
  const where = bucket === undefined ? '' : ` bucket=${bucket}`;
  return key === undefined ? where : `${where} key=${JSON.stringify(key)}`;
}

const process_ = randomBytes(8).toString('hex').toUpperCase();
let requests = 0;
function nextRequestId(): string {
  requests = (requests + 1) >>> 0;
  return process_ + requests.toString(16).toUpperCase().padStart(8, '0');
}
