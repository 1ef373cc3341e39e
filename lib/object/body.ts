// A caller's body, in one of two forms: bytes that stand in memory, or pieces that come one by one.
// Everything that can be seen without reading is refused here, before any I/O.
import { Blob } from 'node:buffer';
import type { Readable } from 'node:stream';
import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web';
import { types } from 'node:util';
import { invalidArgument, StoreError } from '../errors.ts';
import type { Body } from './types.ts';

/** Bytes of the largest piece that is handed to the engine at once. */
export const pieceSizeMax: number = 1 << 20;

/** Characters of text that are encoded at once: 768 KiB of UTF-8 at most. */
const textPieceMax = 256 * 1024;

/** A source of pieces. next() is called one at a time and never after cancel(). */
export interface Pieces {
  /** Bytes in all, if known before the first piece. */
  readonly size: number | undefined;
  /** The next bytes, which belong to the caller; null at the end. */
  next(): Promise<Uint8Array | null>;
  /** Lets go of the source, also while next() is pending. Never throws. */
  cancel(): void;
}

export interface OpenedBody {
  /** Content type the body itself names, or ''. */
  readonly type: string;
  readonly bytes: WholeBytes | null;
  readonly pieces: Pieces | null;
}

/** TypeError for what has no bytes in it; IncompleteBody for what has been read or taken away. */
export function openBody(body: Body): OpenedBody {
  if (body instanceof Uint8Array) return whole(body.buffer, body.byteOffset, body.byteLength);
  if (typeof body === 'string') return openText(body);
  if (body === null) return { type: '', bytes: WholeBytes.empty, pieces: null };
  if (typeof body === 'object') {
    if (ArrayBuffer.isView(body)) return whole(body.buffer, body.byteOffset, body.byteLength);
    if (types.isAnyArrayBuffer(body)) return whole(body, 0, body.byteLength);
    if (isBlob(body)) return { type: body.type, bytes: null, pieces: new BlobPieces(body) };
    if (isResponse(body)) return openResponse(body);
    const pieces = openPieces(body);
    if (pieces !== null) return { type: '', bytes: null, pieces };
  }
  throw new TypeError(
    'put: a body must be text, bytes, a Blob, a Response, a stream, an iterable of bytes or ' +
      `null, not ${describe(body)}`,
  );
}

function openPieces(body: object): Pieces | null {
  if (isWebStream(body)) return new WebPieces(body);
  if (isReadable(body)) return new ReadablePieces(body);
  if (Symbol.asyncIterator in body) return new IteratorPieces(body as AsyncIterable<unknown>);
  if (Symbol.iterator in body) return new IteratorPieces(body as Iterable<unknown>);
  return null;
}

function openResponse(response: Response): OpenedBody {
  if (response.bodyUsed) throw new StoreError('IncompleteBody', 'the response was read already');
  const type = response.headers.get('content-type') ?? '';
  if (response.body === null) return { type, bytes: WholeBytes.empty, pieces: null };
  return { type, bytes: null, pieces: new WebPieces(response.body as ReadableStream) };
}

function whole(buffer: ArrayBufferLike, offset: number, size: number): OpenedBody {
  return { type: '', bytes: new WholeBytes(buffer, offset, size, true), pieces: null };
}

function openText(text: string): OpenedBody {
  if (text.length > textPieceMax) return { type: '', bytes: null, pieces: new TextPieces(text) };
  const { buffer, byteOffset, byteLength } = utf8(text);
  return { type: '', bytes: new WholeBytes(buffer, byteOffset, byteLength, false), pieces: null };
}

/**
 * Bytes in memory. Borrowed ones are the caller's, who may change, transfer or resize them any
 * time.
 */
export class WholeBytes {
  static readonly empty: WholeBytes = new WholeBytes(new ArrayBuffer(0), 0, 0, false);
  readonly size: number;
  readonly #buffer: ArrayBufferLike;
  readonly #offset: number;
  readonly #borrowed: boolean;

  constructor(buffer: ArrayBufferLike, offset: number, size: number, borrowed: boolean) {
    this.#buffer = buffer;
    this.#offset = offset;
    this.size = size;
    this.#borrowed = borrowed;
  }

  /** All bytes, in memory that nobody else has. */
  own(): Uint8Array {
    const view = this.#view(0, this.size);
    return this.#borrowed ? new Uint8Array(view) : view;
  }

  /**
   * The bytes from `at`, one piece at most; of shared memory a copy, since it may change meanwhile.
   */
  slice(at: number): Uint8Array {
    const view = this.#view(at, Math.min(pieceSizeMax, this.size - at));
    return types.isSharedArrayBuffer(this.#buffer) ? new Uint8Array(view) : view;
  }

  /** A buffer that was transferred away says it is empty; only making a view tells. */
  #view(at: number, size: number): Uint8Array {
    try {
      return new Uint8Array(this.#buffer, this.#offset + at, size);
    } catch (cause) {
      const message = 'the buffer of the body was transferred away or shrank';
      throw new StoreError('IncompleteBody', message, { cause });
    }
  }
}

/** Bytes in memory as pieces. */
export class WholePieces implements Pieces {
  readonly size: number;
  readonly #bytes: WholeBytes;
  #at = 0;

  constructor(bytes: WholeBytes) {
    this.#bytes = bytes;
    this.size = bytes.size;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#at === this.size) return null;
    const piece = this.#bytes.slice(this.#at);
    this.#at += piece.length;
    return piece;
  }

  cancel(): void {}
}

/** A long text, encoded as it is sent: all at once would hold the event loop. */
class TextPieces implements Pieces {
  readonly size: undefined = undefined;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#at === this.#text.length) return null;
    let end = Math.min(this.#at + textPieceMax, this.#text.length);
    const last = this.#text.charCodeAt(end - 1);
    // A pair of surrogates is one character and stays together.
    if (last >= 0xd800 && last < 0xdc00 && end < this.#text.length) end++;
    const piece = utf8(this.#text.slice(this.#at, end));
    this.#at = end;
    return piece;
  }

  cancel(): void {}
}

/** By slices: a Blob's own stream() is slower, and a slice can be asked for when it is wanted. */
class BlobPieces implements Pieces {
  readonly size: number;
  readonly #blob: Blob;
  #at = 0;

  constructor(blob: Blob) {
    this.#blob = blob;
    this.size = blob.size;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#at >= this.size) return null;
    const slice = this.#blob.slice(this.#at, this.#at + pieceSizeMax);
    const piece = new Uint8Array(await slice.arrayBuffer());
    if (piece.length === 0) throw new Error(`the blob ends at byte ${this.#at} of ${this.size}`);
    this.#at += piece.length;
    return piece;
  }

  cancel(): void {}
}

class WebPieces implements Pieces {
  readonly size: undefined = undefined;
  readonly #reader: ReadableStreamDefaultReader<unknown>;

  constructor(stream: ReadableStream<unknown>) {
    if (stream.locked) throw new TypeError('put: the stream is locked: something else reads it');
    this.#reader = stream.getReader();
  }

  async next(): Promise<Uint8Array | null> {
    const { done, value } = await this.#reader.read();
    return done ? null : pieceOf(value);
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }
}

class IteratorPieces implements Pieces {
  readonly size: undefined = undefined;
  readonly #iterator: Iterator<unknown> | AsyncIterator<unknown>;

  constructor(iterable: Iterable<unknown> | AsyncIterable<unknown>) {
    this.#iterator =
      Symbol.asyncIterator in iterable
        ? iterable[Symbol.asyncIterator]()
        : iterable[Symbol.iterator]();
  }

  async next(): Promise<Uint8Array | null> {
    const { done, value } = await this.#iterator.next();
    return done ? null : pieceOf(await value);
  }

  cancel(): void {
    // An async generator answers return() only when its pending next() has, so nobody waits for it.
    try {
      Promise.resolve(this.#iterator.return?.()).catch(() => {});
    } catch {
      // A source that fails while it is let go has nothing more to tell.
    }
  }
}

class ReadablePieces extends IteratorPieces {
  readonly #stream: Readable;

  constructor(stream: Readable) {
    if (stream.readableEnded) throw new StoreError('IncompleteBody', 'the stream was read already');
    super(stream);
    this.#stream = stream;
    // Errors are taken from the iterator; one that comes before the first next(), or after
    // cancel(), would otherwise be an uncaught exception.
    stream.on('error', () => {});
  }

  override cancel(): void {
    this.#stream.destroy();
  }
}

/** A piece without bytes in it. Told apart from TypeErrors that a source itself throws. */
export class PieceTypeError extends TypeError {}

/** Whatever a stream or iterable yields, as bytes. */
function pieceOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return utf8(value);
  const piece = viewOf(value);
  if (piece === null)
    throw new PieceTypeError(`put: the body must yield bytes, not ${describe(value)}`);
  return types.isSharedArrayBuffer(piece.buffer) ? new Uint8Array(piece) : piece;
}

function viewOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return types.isAnyArrayBuffer(value) ? new Uint8Array(value) : null;
}

function utf8(text: string): Buffer {
  // Encoding would quietly put U+FFFD in place of a lone surrogate.
  if (!text.isWellFormed())
    throw invalidArgument('put: the text of the body holds a lone surrogate');
  return Buffer.from(text);
}

// By shape where another realm or a polyfill may have made the object.
function isBlob(body: object): body is Blob {
  if (body instanceof Blob) return true;
  const { size, arrayBuffer, slice } = body as Blob;
  return (
    typeof size === 'number' && typeof arrayBuffer === 'function' && typeof slice === 'function'
  );
}

function isResponse(body: object): body is Response {
  return body instanceof Response || ('bodyUsed' in body && 'headers' in body && 'ok' in body);
}

function isWebStream(body: object): body is ReadableStream {
  return typeof (body as ReadableStream).getReader === 'function';
}

function isReadable(body: object): body is Readable {
  const { pipe, on, destroy } = body as Readable;
  return (
    typeof pipe === 'function' &&
    typeof on === 'function' &&
    typeof destroy === 'function' &&
    Symbol.asyncIterator in body
  );
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `${typeof value}`;
  if (typeof (value as { then?: unknown }).then === 'function') return 'a promise: await it first';
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return name === 'Object' || name === undefined
    ? 'a plain object: use JSON.stringify'
    : `an object of type ${String(name)}`;
}
