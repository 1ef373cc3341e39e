// strongroom/tus: a bucket as the data store of @tus/server, for uploads that survive bad lines.
//
//   <parts><id>/info        JSON: size, metadata, creation date; `etag` once the object stands
//   <parts><id>/<offset>    the bytes that arrived from there on; 16 digits, so they list in order
//   <base><id>              the finished object, put whole from its parts
//
// A part is put only where none is, and while `info` is as it was: of two writers at one offset one
// is refused, also when the other has finished the upload meanwhile. Crash before the object is
// put: the parts say how far the upload got. After it, before `info` says so: it is put again from
// the same parts. After that: left-over parts go with the upload's record.
import type { Readable } from 'node:stream';
import { DataStore, ERRORS, Upload } from '@tus/server';
import type { Bucket, StoredObject } from '../index.ts';
import { StoreError } from '../index.ts';
import { checkObjectKey } from '../name/object-key.ts';
import { CutStream } from './tus/cut-stream.ts';

export interface TusOptions {
  bucket: Bucket;
  /** In front of the keys of finished objects. @default '' */
  base?: string | undefined;
  /** In front of the keys of what is unfinished; no object may begin so. @default '.tus/' */
  parts?: string | undefined;
  /** Bytes of one part. @default 16 MiB */
  partSize?: number | undefined;
  /** Age at which deleteExpired() removes an upload's record and parts. @default never */
  expirationMs?: number | undefined;
}

interface Info {
  size?: number;
  metadata?: Record<string, string | null>;
  creationDate: string;
  /** Of the finished object. */
  etag?: string;
}

const partSizeDefault = 16 * 1024 * 1024;
const offsetDigits = 16;

/**
 * The data store, for `new Server({ datastore })`: creation, creation with upload, deferred length,
 * termination and expiration.
 *
 * Every byte that arrived is kept, also of a request that breaks off. When the last one is there,
 * the object is put, before the server answers. Its content type is `contentType` or `filetype` of
 * the upload's metadata.
 *
 * @throws {StoreError} from its methods: what put, get, list and remove throw
 * @example
 * ```ts
 * import { Server } from '@tus/server';
 * import { openMemory } from 'strongroom';
 * import { TusStore } from 'strongroom/tus';
 *
 * await using store = await openMemory();
 * const datastore = new TusStore({ bucket: store.bucket('uploads') });
 * const server = new Server({ path: '/uploads', datastore });
 * console.log(server.datastore === datastore);
 * ```
 */
export class TusStore extends DataStore {
  readonly #bucket: Bucket;
  readonly #base: string;
  readonly #parts: string;
  readonly #partSize: number;
  readonly #expirationMs: number;

  constructor(options: TusOptions) {
    super();
    this.#bucket = options.bucket;
    this.#base = options.base ?? '';
    this.#parts = options.parts ?? '.tus/';
    this.#partSize = options.partSize ?? partSizeDefault;
    this.#expirationMs = options.expirationMs ?? 0;
    this.extensions = [
      'creation',
      'creation-with-upload',
      'creation-defer-length',
      'termination',
      'expiration',
    ];
  }

  override async create(upload: Upload): Promise<Upload> {
    const { id, size, metadata } = upload;
    this.#checkId(id);
    const creationDate = new Date().toISOString();
    upload.creation_date = creationDate;
    const info: Info = {
      creationDate,
      ...(size !== undefined && { size }),
      ...(metadata !== undefined && { metadata }),
    };
    // A name may come again when the upload before is finished.
    if ((await this.#readInfo(this.#infoKey(id)))?.info.etag !== undefined)
      await this.#removeUnder(this.#folder(id));
    await this.#putInfo(id, info, { absent: true });
    if (size === 0) await this.#finish(id);
    return upload;
  }

  /** The offset behind the bytes of `stream` that were kept. */
  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    const { etag } = await this.#infoOf(id);
    if ((await this.getUpload(id)).offset !== offset) throw ERRORS.INVALID_OFFSET;
    const cut = new CutStream(stream);
    while (await cut.more())
      await this.#putPart(id, etag, offset + cut.taken, cut.part(this.#partSize));
    const end = offset + cut.taken;
    if (end === (await this.#infoOf(id)).info.size) await this.#finish(id);
    return end;
  }

  override async getUpload(id: string): Promise<Upload> {
    let { info } = await this.#infoOf(id);
    const offset = info.etag === undefined ? await this.#offsetOf(id) : (info.size ?? 0);
    // Whoever hears that all bytes are there takes the object for stored.
    if (info.etag === undefined && offset === info.size) info = await this.#finish(id);
    const { size, metadata, creationDate } = info;
    return new Upload({
      id,
      offset,
      creation_date: creationDate,
      ...(size !== undefined && { size }),
      ...(metadata !== undefined && { metadata }),
      storage: { type: 'strongroom', path: this.#keyOf(id), bucket: this.#bucket.name },
    });
  }

  override async declareUploadLength(id: string, size: number): Promise<void> {
    const { info, etag } = await this.#infoOf(id);
    await this.#putInfo(id, { ...info, size }, { etag });
  }

  /** The upload's record and parts, and the object that it became, unless that was replaced. */
  override async remove(id: string): Promise<void> {
    const { info } = await this.#infoOf(id);
    if (info.etag !== undefined) await this.#removeObject(id, info.etag);
    await this.#removeUnder(this.#folder(id));
  }

  override getExpiration(): number {
    return this.#expirationMs;
  }

  /** Finished objects stay; only what is kept of how they came is removed. */
  override async deleteExpired(): Promise<number> {
    if (this.#expirationMs <= 0 || !(await this.#bucket.exists())) return 0;
    const latest = Date.now() - this.#expirationMs;
    let unfinished = 0;
    for await (const folder of this.#bucket
      .list({ prefix: this.#parts, delimiter: '/' })
      .prefixes()) {
      const info = await this.#readInfo(`${folder}info`);
      if (info !== null && Date.parse(info.info.creationDate) > latest) continue;
      if (info?.info.etag === undefined) unfinished++;
      await this.#removeUnder(folder);
    }
    return unfinished;
  }

  /** Only where no part is, and while the upload stands as it was: not finished, not removed. */
  async #putPart(
    id: string,
    etag: string,
    offset: number,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    try {
      await this.#bucket.store.transaction(async (tx) => {
        const bucket = tx.bucket(this.#bucket.name);
        bucket.require(this.#infoKey(id), { etag });
        await bucket.put(this.#partKey(id, offset), bytes, { onlyIf: { absent: true } });
      });
    } catch (error) {
      if (StoreError.is(error, 'FileAlreadyExists', 'PreconditionFailed'))
        throw ERRORS.INVALID_OFFSET;
      throw error;
    }
  }

  /** Puts the object from its parts, says so, then lets go of the parts. */
  async #finish(id: string): Promise<Info> {
    const { info, etag } = await this.#infoOf(id);
    if (info.etag !== undefined) return info;
    const { metadata, size } = info;
    const contentType = printable(metadata?.['contentType'] ?? metadata?.['filetype']);
    const object = await this.#bucket.put(this.#keyOf(id), this.#bytesOf(id), {
      size,
      contentType,
    });
    const finished = { ...info, etag: object.etag };
    await this.#putInfo(id, finished, { etag });
    await this.#removeUnder(this.#folder(id), this.#infoKey(id));
    return finished;
  }

  async *#bytesOf(id: string): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const { key, etag } of this.#partsOf(id)) {
      const part = await this.#bucket.get(key, { onlyIf: { etag } });
      if (part === null) throw new StoreError('NoSuchKey', 'a part is gone', { key });
      yield* part;
    }
  }

  /** Behind the last part; each must begin where the one before ends. */
  async #offsetOf(id: string): Promise<number> {
    let offset = 0;
    for await (const { key, size } of this.#partsOf(id)) {
      if (key !== this.#partKey(id, offset))
        throw new StoreError('InternalError', 'a part lies where none can be', { key });
      offset += size;
    }
    return offset;
  }

  /** In the order of their offsets. A client chooses how many there are: never all at once. */
  async *#partsOf(id: string): AsyncGenerator<StoredObject, void, undefined> {
    for await (const object of this.#bucket.list({ prefix: this.#folder(id) }))
      if (object.key !== this.#infoKey(id)) yield object;
  }

  async #infoOf(id: string): Promise<{ info: Info; etag: string }> {
    const found = await this.#readInfo(this.#infoKey(id));
    if (found === null) throw ERRORS.FILE_NOT_FOUND;
    return found;
  }

  async #readInfo(key: string): Promise<{ info: Info; etag: string } | null> {
    try {
      const object = await this.#bucket.get(key);
      return object === null ? null : { info: await object.json<Info>(), etag: object.etag };
    } catch (error) {
      if (StoreError.is(error, 'NoSuchBucket')) return null;
      throw error;
    }
  }

  async #putInfo(
    id: string,
    info: Info,
    onlyIf: { absent: true } | { etag: string },
  ): Promise<void> {
    const contentType = 'application/json';
    await this.#bucket.put(this.#infoKey(id), JSON.stringify(info), { contentType, onlyIf });
  }

  async #removeObject(id: string, etag: string): Promise<void> {
    try {
      await this.#bucket.remove(this.#keyOf(id), { onlyIf: { etag } });
    } catch (error) {
      if (!StoreError.is(error, 'PreconditionFailed')) throw error;
    }
  }

  /** `info` comes last in the listing, so after a crash half-way the upload is still known. */
  async #removeUnder(folder: string, except?: string): Promise<void> {
    for await (const { objects } of this.#bucket.list({ prefix: folder }).pages()) {
      const keys = objects.map(({ key }) => key).filter((key) => key !== except);
      const { errors } = await this.#bucket.remove(keys);
      if (errors[0] !== undefined) throw errors[0].error;
    }
  }

  /** What would fail when all bytes are there had better fail before the first. */
  #checkId(id: string): void {
    const key = this.#keyOf(id);
    checkObjectKey(key);
    checkObjectKey(this.#partKey(id, 0));
    if (key.startsWith(this.#parts))
      throw new StoreError('InvalidObjectName', `keys beginning with ${this.#parts} are taken`);
  }

  #keyOf(id: string): string {
    return this.#base + id;
  }

  #folder(id: string): string {
    return `${this.#parts}${encodeURIComponent(id)}/`;
  }

  #infoKey(id: string): string {
    return `${this.#folder(id)}info`;
  }

  #partKey(id: string, offset: number): string {
    return this.#folder(id) + String(offset).padStart(offsetDigits, '0');
  }
}

/** Metadata are the client's: what cannot be a header must not fail the upload at its end. */
function printable(text: string | null | undefined): string | undefined {
  return text && /^[\x20-\x7e]{1,255}$/.test(text) ? text : undefined;
}
