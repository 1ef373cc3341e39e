// ObjectFile: one object in the manner of a Blob. It owns nothing and remembers nothing: each
// reading is a get of its own, of the object as it is then.
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { invalidArgument, StoreError } from '../errors.ts';
import { countsFromEnd, type Slice, sliceOf, spanOf } from '../object/slices.ts';
import type {
  Body,
  ObjectBody,
  ObjectWriteStream,
  PutOptions,
  StoredObject,
} from '../object/types.ts';
import type { Bucket } from './bucket.ts';

/**
 * A handle on one object, or on a part of it. Each call reads the object as it is at that moment,
 * and rejects with NoSuchKey when there is none.
 *
 * Get one from {@link Bucket.file}.
 */
export class ObjectFile {
  readonly key: string;
  /** As given to slice(); of the stored content type nothing is known before {@link stat}. */
  readonly type: string;
  readonly #bucket: Bucket;
  readonly #slices: readonly Slice[];

  /** @internal */
  constructor(bucket: Bucket, key: string, slices: readonly Slice[] = [], type = '') {
    this.#bucket = bucket;
    this.key = key;
    this.#slices = slices;
    this.type = type;
  }

  /** What follows the last slash of the key. */
  get name(): string {
    return this.key.slice(this.key.lastIndexOf('/') + 1);
  }

  /**
   * A part of this, from `begin` to before `end`; negative numbers count from the end. What lies
   * behind the end is left out, so a slice may be empty.
   */
  slice(begin?: number, end?: number, contentType?: string): ObjectFile {
    const slices = [...this.#slices, sliceOf(begin, end)];
    return new ObjectFile(this.#bucket, this.key, slices, contentType);
  }

  /** Opens the object when the first bytes are asked for. */
  stream(): ReadableStream<Uint8Array> {
    return ReadableStream.from(this.#pieces());
  }

  /** Opens the object when the first bytes are asked for. */
  readable(options?: { highWaterMark?: number }): Readable {
    return Readable.from(this.#pieces(), { ...options, objectMode: false });
  }

  async bytes(): Promise<Uint8Array> {
    return (await this.#open())?.bytes() ?? new Uint8Array();
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.#open())?.arrayBuffer() ?? new ArrayBuffer(0);
  }

  async text(): Promise<string> {
    return (await this.#open())?.text() ?? '';
  }

  async json<T = unknown>(): Promise<T> {
    return JSON.parse(await this.text()) as T;
  }

  /** {@link Bucket.put} under this key. InvalidArgument for a slice. */
  async write(body: Body, options?: PutOptions): Promise<StoredObject> {
    this.#requireWhole('write');
    return this.#bucket.put(this.key, body, options);
  }

  /** {@link Bucket.createWriteStream} under this key. InvalidArgument for a slice. */
  writer(options?: PutOptions): ObjectWriteStream {
    this.#requireWhole('writer');
    return this.#bucket.createWriteStream(this.key, options);
  }

  /** The whole object's, also from a slice. */
  async stat(): Promise<StoredObject> {
    return (await this.#bucket.head(this.key)) ?? this.#missing();
  }

  exists(): Promise<boolean> {
    return this.#bucket.has(this.key);
  }

  /** A missing object counts as removed. InvalidArgument for a slice. */
  async remove(): Promise<void> {
    this.#requireWhole('remove');
    await this.#bucket.remove(this.key);
  }

  async *#pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const body = await this.#open();
    if (body !== null) yield* body;
  }

  /** The bytes; null when the slice is empty. */
  async #open(): Promise<ObjectBody | null> {
    const { key } = this;
    if (this.#slices.length === 0) return (await this.#bucket.get(key)) ?? this.#missing();
    if (countsFromEnd(this.#slices)) return this.#openFromEnd();
    const { begin, end } = spanOf(this.#slices, Number.POSITIVE_INFINITY);
    const offset = Math.min(begin, Number.MAX_SAFE_INTEGER);
    const range = Number.isFinite(end) ? { offset, length: end - begin } : { offset };
    try {
      return (await this.#bucket.get(key, { range })) ?? this.#missing();
    } catch (error) {
      // It begins behind the end: a Blob has an empty slice there.
      if (StoreError.is(error, 'InvalidRange')) return null;
      throw error;
    }
  }

  /** The size comes first, and the bytes only if they are still the same ones. */
  async #openFromEnd(): Promise<ObjectBody | null> {
    for (;;) {
      const { size, etag } = await this.#end();
      const { begin, end } = spanOf(this.#slices, size);
      if (begin === end) return null;
      try {
        const range = { offset: begin, length: end - begin };
        const body = await this.#bucket.get(this.key, { range, onlyIf: { etag } });
        return body ?? this.#missing();
      } catch (error) {
        if (!StoreError.is(error, 'PreconditionFailed')) throw error;
      }
    }
  }

  /** What the bytes are of: of a link it is not the link. */
  async #end(): Promise<StoredObject> {
    const object = await this.stat();
    if (object.type !== 'Symlink') return object;
    const body = (await this.#bucket.get(this.key)) ?? this.#missing();
    await body[Symbol.asyncDispose]();
    return body;
  }

  #requireWhole(call: string): void {
    if (this.#slices.length > 0) throw invalidArgument(`${call}: a slice can only be read`);
  }

  #missing(): never {
    throw new StoreError('NoSuchKey', undefined, { bucket: this.#bucket.name, key: this.key });
  }
}
