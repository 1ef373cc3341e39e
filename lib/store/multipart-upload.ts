// MultipartUpload: the handle of one upload. It owns nothing; any handle with the same ids goes on
// with it, in this process or a later one.
import type { StoreContext } from '../context/store-context.ts';
import {
  abortUpload,
  completeUpload,
  listParts,
  type UploadPlace,
  uploadPart,
} from '../object/multipart.ts';
import type {
  Body,
  CompleteOptions,
  PartInfo,
  PartOptions,
  StoredObject,
  UploadedPart,
} from '../object/types.ts';

/** Get one from {@link Bucket.upload} or {@link Bucket.resumeUpload}. */
export class MultipartUpload {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
  readonly #context: StoreContext;

  /** @internal */
  constructor(context: StoreContext, { bucket, key, uploadId }: UploadPlace) {
    this.#context = context;
    this.bucket = bucket;
    this.key = key;
    this.uploadId = uploadId;
  }

  /**
   * Stores a part, durably when the promise resolves. Numbers go from 1 to 10,000 in any order,
   * with gaps; the same number again replaces the part.
   * @throws {TypeError} the body has no bytes in it
   * @throws {StoreError} InvalidArgument, NoSuchUpload, IncompleteBody, InvalidDigest,
   * InvalidCRC64, EntityTooLarge, ABORTED, STORE_CLOSED, STORE_FULL, STORE_READ_ONLY
   */
  part(partNumber: number, body: Body, options?: PartOptions): Promise<UploadedPart> {
    return uploadPart(this.#context, this, partNumber, body, options);
  }

  /**
   * The parts so far, in order of their numbers.
   * @throws {StoreError} when it is iterated: NoSuchUpload, STORE_CLOSED
   */
  parts(): AsyncIterable<PartInfo> {
    return listParts(this.#context, this);
  }

  /**
   * Makes the object of the parts, in order of their numbers; of all of them when none are named.
   * All but the last must have 100 KB at least. The object is there whole or not at all, and the
   * upload ends with it.
   * @throws {StoreError} NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall,
   * InvalidArgument, FileAlreadyExists, PreconditionFailed, ABORTED, STORE_CLOSED, COMMIT_UNKNOWN
   */
  complete(parts?: readonly UploadedPart[], options?: CompleteOptions): Promise<StoredObject> {
    return completeUpload(this.#context, this, parts, options);
  }

  /**
   * Ends the upload; its parts go.
   * @throws {StoreError} NoSuchUpload, STORE_CLOSED, STORE_READ_ONLY
   */
  abort(): Promise<void> {
    return abortUpload(this.#context, this);
  }
}
