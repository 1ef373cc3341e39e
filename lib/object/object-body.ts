// ObjectBody: an object together with its bytes, to be read once, in the way the caller likes best.
// Small objects arrive whole with the row; large ones are read piece by piece while they leave.
import { Blob } from 'node:buffer';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import type { StoreContext } from '../context/store-context.ts';
import type { Found } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { BodySource, disposed, WholeReader } from './body-source.ts';
import { type BucketOfView, ObjectView, RowEntry } from './object-view.ts';
import { ProgressMeter } from './progress.ts';
import { checkSave, saveTo } from './save-to.ts';
import { toResponse } from './to-response.ts';
import type { GetOptions, ObjectBody, SaveOptions } from './types.ts';

const decoder = new TextDecoder();

/** Closes what a caller dropped without reading it to its end. */
const forgotten = new FinalizationRegistry((close: () => void) => close());

/** What of a get's options concerns the open body. */
export interface Reading {
  readonly range: object | null;
  readonly onProgress: GetOptions['onProgress'];
  readonly signal: AbortSignal | undefined;
}

export class OpenObject extends ObjectView implements ObjectBody {
  declare readonly range?: { offset: number; length: number };
  readonly #length: number;
  /** The whole body, when it is small; else null. */
  readonly #small: Uint8Array | null;
  /** Of a small body only once it is read piece by piece. */
  #source: BodySource | null;
  readonly #meter: ProgressMeter | null;
  #used = false;
  #stream: ReadableStream<Uint8Array> | null = null;

  constructor(
    context: StoreContext,
    bucket: BucketOfView,
    key: string,
    found: Found,
    asked: Reading | null,
    linkTarget: string | undefined,
  ) {
    super(bucket, new RowEntry(key, found.row, linkTarget), 0);
    this.#length = found.length;
    this.#small = found.bytes ?? null;
    this.#meter =
      asked?.onProgress === undefined
        ? null
        : new ProgressMeter(asked.onProgress, found.length, context.events);
    if (asked !== null && asked.range !== null)
      this.range = { offset: found.offset, length: found.length };
    this.#source = this.#open(context, found, asked?.signal);
  }

  get body(): ReadableStream<Uint8Array> {
    return this.stream();
  }

  get bodyUsed(): boolean {
    return this.#used;
  }

  stream(): ReadableStream<Uint8Array> {
    if (this.#stream !== null) return this.#stream;
    const source = this.#take();
    // Nothing is read before somebody pulls. The closures hold `this`, so that the body cannot be
    // collected while its stream is in use.
    this.#stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const bytes = await this.#next(source);
          if (bytes !== null) controller.enqueue(bytes);
          if (source.ended) controller.close();
        },
        cancel: () => source.close(),
      },
      { highWaterMark: 0 },
    );
    return this.#stream;
  }

  readable(): Readable {
    const source = this.#take();
    const stream: Readable = new Readable({
      highWaterMark: 1,
      read: (): void => {
        this.#next(source).then(
          (bytes) => stream.push(bytes),
          (error) => stream.destroy(error),
        );
      },
      destroy: (error, done): void => {
        source.close();
        done(error);
      },
    });
    return stream;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const source = this.#take();
    try {
      for (let bytes = await this.#next(source); bytes !== null; bytes = await this.#next(source))
        yield bytes;
    } finally {
      source.close();
    }
  }

  async bytes(): Promise<Uint8Array> {
    if (this.#small === null) {
      const source = this.#take();
      return source.inside(() => this.#readAll(source)); // STORE_CLOSED
    }
    this.#use();
    this.#meter?.add(this.#small.length);
    this.#meter?.end();
    return this.#small;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.bytes();
    const { buffer, byteOffset, byteLength } = bytes;
    if (byteOffset === 0 && byteLength === buffer.byteLength) return buffer as ArrayBuffer;
    return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  }

  async text(): Promise<string> {
    return decoder.decode(await this.bytes());
  }

  async json<T = unknown>(): Promise<T> {
    return JSON.parse(await this.text()) as T;
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.bytes()], { type: this.contentType });
  }

  async saveTo(file: string | URL, options?: SaveOptions): Promise<void> {
    const target = checkSave(file, options); // TypeError, InvalidArgument
    const source = this.#take();
    await source.inside(() => saveTo(source, target, options?.signal)); // STORE_CLOSED
  }

  toResponse(init?: ResponseInit): Response {
    return toResponse(this, init);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#used = true;
    this.#source?.interrupt(disposed());
  }

  /** The source, for the one reading that there is. */
  #take(): BodySource {
    this.#use();
    if (this.#source !== null) return this.#source;
    const reader = new WholeReader(this.#small ?? new Uint8Array());
    this.#source = new BodySource(null, reader, this.#length, this.#meter, undefined);
    return this.#source;
  }

  #use(): void {
    if (this.#used) throw new TypeError('get: the body was read or disposed already');
    this.#used = true;
  }

  /** A method, so that who waits for bytes holds the body: dropped ones are closed. */
  #next(source: BodySource): Promise<Uint8Array | null> {
    return source.step();
  }

  async #readAll(source: BodySource): Promise<Uint8Array> {
    try {
      const all = allocate(this.#length);
      let at = 0;
      for (let bytes = await source.read(); bytes !== null; bytes = await source.read()) {
        all.set(bytes, at);
        at += bytes.length;
      }
      return all;
    } finally {
      source.close();
    }
  }

  #open(context: StoreContext, found: Found, signal: AbortSignal | undefined): BodySource | null {
    if (found.reader === undefined) return null;
    const source = new BodySource(context, found.reader, found.length, this.#meter, signal);
    forgotten.register(this, closer(context, source, this.bucket, this.key));
    return source;
  }
}

/** Made apart from the body, which it must not hold. */
function closer(
  context: StoreContext,
  source: BodySource,
  bucket: string,
  key: string,
): () => void {
  return () => {
    if (source.closed) return;
    source.close();
    context.events.emit({ type: 'body:forgotten', bucket, key });
  };
}

function allocate(length: number): Uint8Array {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new StoreError('EntityTooLarge', `an array of ${length} bytes cannot be made`, { cause });
  }
}
